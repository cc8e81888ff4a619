"""
Pages in memory to committed raw rows and summaries: against a bare COPY of the same rows, and against dlt.

All write as many sales into the same Postgres, new ones in each round. Turnstile is a whole run, as the
command makes it, with lease and record. COPY writes into `raw_sales` itself, with its indexes; dlt merges on
the sale's id, so that it too could read a page twice, and is otherwise as it comes.
"""

import os
import statistics
import tempfile
from collections.abc import Callable, Sequence
from itertools import count
from time import perf_counter
from typing import Any

from benchmarks.costs import etl_scene
from benchmarks.costs.etl_scene import PAGE
from benchmarks.costs.row import Row, at_least, plain
from benchmarks.rig.server import DATABASE, ROLE, Server

TITLE = "ETL: 10,000 sales a page, from memory to committed raw rows and summaries"
# dlt takes most of the time: three rounds of some ten seconds.
ROUNDS = 3
PAGES = 8
ALL = 10_000_000

_numbers = count()


def run(server: Server) -> Sequence[Row]:
    """Return sales per second of each, medians over rounds in turn, and their ratios."""
    etl_scene.prepare(server)
    with tempfile.TemporaryDirectory(prefix="turnstile-dlt-") as folder:
        merge = _dlt(server, folder)
        merge(_pages(1))  # makes its tables
        contenders: dict[str, Callable[[Any], None]] = {"etl": _load, "copy": _copy, "dlt": merge}
        rounds = [{name: _rate(each) for name, each in contenders.items()} for _ in range(ROUNDS)]
    rate = {name: statistics.median(turn[name] for turn in rounds) for name in contenders}
    ratio = {name: statistics.median(turn["etl"] / turn[name] for turn in rounds) for name in ("copy", "dlt")}
    return [
        at_least("Turnstile", rate["etl"], 100_000, "sales/s"),
        plain("bare COPY into raw_sales", f"{rate['copy']:,.0f} sales/s"),
        plain("dlt, merge", f"{rate['dlt']:,.0f} sales/s"),
        at_least("Turnstile / bare COPY", ratio["copy"], 0.35, "x"),
        at_least("Turnstile / dlt", ratio["dlt"], 20, "x"),
    ]


def _pages(number: int) -> list[list[Any]]:
    """Return pages of sales that nobody has seen yet."""
    return [etl_scene.sale_page(next(_numbers) * PAGE, PAGE, ALL) for _ in range(number)]


def _rate(work: Callable[[list[list[Any]]], None]) -> float:
    pages = _pages(PAGES)
    started = perf_counter()
    work(pages)
    return PAGES * PAGE / (perf_counter() - started)


def _load(pages: list[list[Any]]) -> None:
    done = etl_scene.run_etl(etl_scene.PagesInMemory(pages))
    assert done.inserted_count == PAGES * PAGE


def _copy(pages: list[list[Any]]) -> None:
    from core import db

    for rows in pages:
        with db.get_engine().connect() as connection:
            driver: Any = connection.connection.driver_connection
            with driver.cursor() as cursor, cursor.copy("COPY raw_sales FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(("bare copy", *row, row.sold_at.date()))
            connection.commit()


def _dlt(server: Server, folder: str) -> Callable[[list[list[Any]]], None]:
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    import dlt

    pipeline = dlt.pipeline(
        pipeline_name="peer",
        pipelines_dir=folder,
        destination=dlt.destinations.postgres(_address(server)),
        dataset_name="peer",
    )

    def merge(pages: list[list[Any]]) -> None:
        rows = [row._asdict() for page in pages for row in page]
        pipeline.run(rows, table_name="sales", write_disposition="merge", primary_key="sale_id")

    return merge


def _address(server: Server) -> str:
    # dlt insists on a host and a password; the server, on its unix socket, asks for neither.
    return f"postgresql://{ROLE}:none@localhost/{DATABASE}?host={server.postgres.socket_dir}"
