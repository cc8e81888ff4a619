"""
One report, from one transaction, into one file.

Figures, chart, rows and the name of the data come from the same snapshot: totals equal rows by construction.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic

import sqlalchemy as sa

from reports.catalogue.contract import Parameters, Report
from reports.data_version import data_version, newest_etl_run
from reports.formats import FORMATS
from reports.formats.contract import Content
from reports.making.preview import FirstRows, Preview
from reports.making.rows import StreamedRows
from reports.making.snapshot import InsideTransaction, snapshot
from reports.models import FileFormat

__all__ = ["InsideTransaction", "MadeFile", "OnProgress", "make_file"]

# Called with the rows written so far and the rows expected (None while that is not known).
OnProgress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeFile:
    """
    A file that is whole, and what it was made from.

    `row_count` counts the rows in the file, `row_total` those of the report: a format may print fewer.
    """

    path: Path
    size_bytes: int
    sha256: str
    row_count: int
    row_total: int
    data_version: str
    etl_run_id: int | None
    seconds: float
    preview: Preview


def make_file(
    *,
    report: Report,
    parameters: Parameters,
    file_format: FileFormat,
    path: Path,
    on_progress: OnProgress,
    now: datetime,
) -> MadeFile:
    """
    Write `report` to `path`, which is removed again when that fails.

    Holds one connection of the pool until the last row is written. `on_progress` is called first, last, and
    at most twice a second; what it raises ends the making.

    Raises:
        InsideTransaction: this thread is inside `transaction.atomic()`.
        SQLAlchemyError, OSError: what the database or the disk raised.
    """
    started = monotonic()
    try:
        with snapshot() as connection:
            content = _content(connection, report, parameters, now)
            version = data_version(connection, report, parameters)
            rows = StreamedRows(connection, content, FORMATS[file_format], on_progress)
            first = FirstRows(rows, FORMATS[file_format])
            FORMATS[file_format].write(path, content, first)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return MadeFile(
        path=path,
        size_bytes=path.stat().st_size,
        sha256=_sha256(path),
        row_count=rows.count,
        row_total=content.row_total,
        data_version=version,
        etl_run_id=content.etl_run_id,
        seconds=monotonic() - started,
        preview=first.preview(report, content.figures),
    )


def _content(connection: sa.Connection, report: Report, parameters: Parameters, now: datetime) -> Content:
    return Content(
        report=report,
        parameters=parameters,
        generated_at=now,
        figures=report.figures(connection, parameters),
        chart=report.chart(connection, parameters),
        row_total=report.row_total(connection, parameters),
        etl_run_id=newest_etl_run(connection),
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
