"""
Cursors reset: the next run of a source reads everything again. No row is deleted.
"""

from etl.lease import leased
from etl.models import Cursor


def sources_with_cursor() -> list[str]:
    """Return the sources that were read before, by name."""
    return sorted(set(Cursor.objects.values_list("source", flat=True)))


def reset_cursors(*, source: str) -> int:
    """
    Forget how far each endpoint of `source` was read, and return how many endpoints there were.

    Raises:
        LeaseHeld: a run of the source is at work, and would write its cursor again.
    """
    with leased(source):
        count, _ = Cursor.objects.filter(source=source).delete()
    return count
