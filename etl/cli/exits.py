"""
How `manage.py etl` ends. Every error is one sentence with the cure, on standard error.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError

from core import db
from etl.lease import LeaseHeld, LeaseLost
from etl.maintenance.retry import NoSuchRow
from etl.sources import SourceFailed

FAILED = 1
# What argparse itself ends with.
USAGE = 2
TOO_MANY_REJECTS = 3
LEASE_HELD = 4
# As a shell counts a program that a signal ended: 130 for SIGINT, 143 for SIGTERM.
SIGNALLED = 128


class UsageError(CommandError):
    """The arguments contradict each other, or one cannot be read: nothing was done."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, returncode=USAGE)


def failure(sentence: str, code: int = FAILED) -> CommandError:
    """Return the error that ends the command with `code`."""
    return CommandError(sentence, returncode=code)


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Turn what may go wrong in any subcommand into its sentence and exit code; a bug keeps its traceback."""
    try:
        yield
    except LeaseHeld as error:
        raise failure(str(error), LEASE_HELD) from None
    except (SourceFailed, LeaseLost, NoSuchRow) as error:
        raise failure(str(error)) from None
    except Exception as error:
        found = db.diagnose(error)
        if found is None:
            raise
        raise failure(
            f"the database cannot serve now ({found.reason}): {found.cause}; see `manage.py doctor`, "
            "then run again"
        ) from error
