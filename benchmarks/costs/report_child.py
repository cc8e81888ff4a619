"""
One file, made by a process of its own: `python -m benchmarks.costs.report_child URL WHAT ROWS`.

WHAT is a report's format, or "bare-xlsx": XlsxWriter alone on the same rows, held ready. It prints the
seconds and the greatest resident memory in MiB, as JSON.
"""

import json
import logging
import os
import resource
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import xlsxwriter

from benchmarks.costs.report_data import made, ready_rows, set_up


def main(url: str, what: str, rows: str) -> None:
    """Make the file in a folder that is thrown away."""
    logging.disable(logging.CRITICAL)
    set_up(url)
    with tempfile.TemporaryDirectory(prefix="turnstile-report-") as folder:
        action = _bare_xlsx if what == "bare-xlsx" else _report
        seconds = action(Path(folder) / "report", what, int(rows))
    # Linux counts kibibytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak": peak}))
    sys.stdout.flush()
    os._exit(0)


def _report(path: Path, what: str, rows: int) -> float:
    return float(made(what, rows, path).seconds)


def _bare_xlsx(path: Path, what: str, rows: int) -> float:
    ready = ready_rows(rows)
    started = perf_counter()
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        instant = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        dated = {0, len(ready[0]) - 1}
        for number, row in enumerate(ready):
            for column, value in enumerate(row):
                if column in dated:
                    sheet.write_datetime(number, column, value, instant)
                else:
                    sheet.write_string(number, column, value)
    return perf_counter() - started


if __name__ == "__main__":
    main(*sys.argv[1:])
