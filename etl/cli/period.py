"""What a run is asked for, from the arguments that `etl run` and `etl diff` share."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings

from etl.cli.arguments import instant
from etl.cli.exits import UsageError
from etl.runs.options import Limit, RunOptions

DEFAULT_LIMIT = "5%"


def add_period_arguments(parser: ArgumentParser) -> None:
    """Add what says from when to when is read."""
    when = "2026-01-05 (midnight UTC) or 2026-01-05T18:30:00+01:00"
    parser.add_argument(
        "--since", type=instant, metavar="T", help=f"read from then on, not since the cursor: {when}"
    )
    parser.add_argument("--until", type=instant, metavar="T", help="read rows before then only")
    parser.add_argument("--full", action="store_true", help="read everything")


def limit(text: str) -> Limit:
    """Read how many rows may be rejected."""
    try:
        return Limit.parse(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def options_from(options: Mapping[str, Any], *, max_rejects: Limit | None = None) -> RunOptions:
    """
    Return what is asked for.

    Raises:
        UsageError: it contradicts itself.
    """
    since, until = options["since"], options["until"]
    if since and until and until <= since:
        raise UsageError(f"--until {until.isoformat()} is not after --since {since.isoformat()}")
    if since and options["full"]:
        raise UsageError("a full run reads everything: leave out either --full or --since")
    lag = timedelta(seconds=settings.ETL_LAG_SECONDS)
    return RunOptions(since=since, is_full=options["full"], until=until, max_rejects=max_rejects, lag=lag)
