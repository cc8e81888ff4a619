"""
The arguments that several subcommands share, and how their text is read.

What cannot be read ends the command with exit code 2 before anything was done.
"""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from typing import Any

from django.conf import settings

from etl.cli.exits import UsageError
from etl.rows import Endpoint
from etl.sources import Source, SourceFailed, SourceSpec, open_source


def add_source_arguments(parser: ArgumentParser) -> None:
    """Add what says which source is read, and how."""
    parser.add_argument(
        "--source",
        metavar="URL|PATH",
        default=settings.ETL_SOURCE_URL,
        help="https://… is the upstream API, pretix+https://host/api/v1/organizers/ORG is pretix, - is "
        "standard input, anything else is a file (default: ETL_SOURCE_URL)",
    )
    parser.add_argument("--name", default="", help="what its rows, cursor and lease are kept under")
    parser.add_argument("--page-size", type=positive, metavar="N", help="rows in a page")
    parser.add_argument("--events", action="store_true", help="the file holds events, not sales")


@contextmanager
def opened_source(options: Mapping[str, Any]) -> Iterator[Source]:
    """
    Open the source that the arguments name, and close it after the block.

    Raises:
        UsageError: no source is named, or its address cannot be right.
    """
    try:
        source = open_source(_spec(options))
    except SourceFailed as error:
        raise UsageError(str(error)) from None
    try:
        yield source
    finally:
        source.close()


def _spec(options: Mapping[str, Any]) -> SourceSpec:
    address = options["source"]
    if not address:
        raise UsageError("no source is given: name a URL or a file with --source, or set ETL_SOURCE_URL")
    if options["events"] and "://" in address:
        raise UsageError(
            "--events says what a file holds: an API has one address for events and one for sales"
        )
    return SourceSpec(
        address=address,
        name=options["name"],
        token=settings.ETL_SOURCE_TOKEN,
        page_size=options["page_size"],
        currency=settings.ETL_CURRENCY,
        timezone=settings.ETL_TIMEZONE,
        endpoint=Endpoint.EVENTS if options["events"] else None,
    )


def positive(text: str) -> int:
    """Read a whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def day(text: str) -> date:
    """Read a day, such as 2026-01-05."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a day: write 2026-01-05") from None


def instant(text: str) -> datetime:
    """Read an instant with its offset, or a day: that is midnight UTC."""
    try:
        return datetime.combine(date.fromisoformat(text), time(tzinfo=UTC))
    except ValueError:
        return _aware(text)


def _aware(text: str) -> datetime:
    cure = "write 2026-01-05 (midnight UTC) or 2026-01-05T18:30:00+01:00"
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not an instant: {cure}") from None
    if found.tzinfo is None:
        raise ArgumentTypeError(f"{text!r} has no time zone: {cure}")
    return found.astimezone(UTC)
