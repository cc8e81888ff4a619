"""
A stage's database and files, made in a process of its own: `python -m benchmarks.siege.prepare FOLDER ROWS`.

It prints what it made as JSON. The database that the environment names gets the service's tables, an event,
so many transfers for reports to list, and one stored report of 50 MB with somebody who may download it.
"""

import json
import sys
from pathlib import Path

from benchmarks.costs import report_data, stored_report

EVENT = "tonight"
EVENT_ROW = "INSERT INTO events (event_id, name) VALUES (%s, 'Tonight')"


def main(folder: str, rows: str) -> None:
    """Do it."""
    path, session = stored_report.prepare(Path(folder))
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(EVENT_ROW, [EVENT])
        cursor.execute(report_data._FILL, {"rows": int(rows)})
        cursor.execute("VACUUM ANALYZE")
    print(json.dumps({"download": path, "session": session}))


if __name__ == "__main__":
    main(*sys.argv[1:])
