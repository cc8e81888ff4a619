"""
A process that loads a source in memory, for tests that kill it: `python -m etl.tests.loader ORDER COMMIT`.

It kills itself just before the COMMIT-th commit of its run reaches the server, 0 for never.
"""

import os
import random
import signal
import sys
from collections.abc import Sequence
from datetime import timedelta
from itertools import count

import django
import sqlalchemy as sa

from etl.rows import SaleRow


def rows_in(order: str) -> Sequence[SaleRow]:
    """Return what the source sends: 300 sales, a third of them once more in a later version."""
    from etl.tests import cast

    rows = cast.sales_in_a_row(300)
    end = cast.instant(rows[-1])
    late = [
        row._replace(quantity=5, event_id=cast.TONIGHT, updated_at=end + timedelta(minutes=10 * number))
        for number, row in enumerate(rows[::3], start=1)
    ]
    everything = [*rows, *late]
    if order != "ascending":
        random.Random(order).shuffle(everything)
    return everything


def main(order: str, fatal_commit: str) -> None:
    """Run the ETL, or the part of it before its end."""
    django.setup()
    from core import db
    from etl.tests import cast

    commits = count(1)

    def maybe_die(_: sa.Connection) -> None:
        if next(commits) == int(fatal_commit):
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(db.get_engine(), "commit", maybe_die)
    outcome = cast.run(cast.ListSource(rows_in(order), size=25)).outcome
    sys.stdout.write(outcome)


if __name__ == "__main__":
    main(*sys.argv[1:])
