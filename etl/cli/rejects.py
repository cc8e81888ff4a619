"""`etl rejects`: the rows that could not be loaded: list them, read them again, delete them."""

import json
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone

from etl import queries
from etl.cli.arguments import positive
from etl.cli.exits import UsageError, failure
from etl.cli.printer import Printer, as_text
from etl.maintenance import purge, retry
from etl.models import RejectedRow

NAME = "rejects"
HELP = "List, show, retry or purge the rows that could not be loaded."


def add_arguments(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser("list", help="the newest rejected rows")
    listed.add_argument("--source", default="", help="of this source only")
    listed.add_argument("--field", default="", help="with this field at fault only")
    listed.add_argument("--limit", type=positive, default=20, metavar="N", help="so many (default: 20)")
    listed.add_argument("--all", action="store_true", help="those that were loaded since, too")
    shown = actions.add_parser("show", help="one row: what the source sent, and what is wrong with it")
    shown.add_argument("id", type=positive)
    retried = actions.add_parser("retry", help="read rows again, with the current settings, and load them")
    retried.add_argument("ids", type=positive, nargs="*", metavar="ID")
    retried.add_argument("--all", action="store_true", help="every row that is still rejected")
    purged = actions.add_parser("purge", help="delete rows")
    purged.add_argument("ids", type=positive, nargs="*", metavar="ID")
    purged.add_argument("--resolved", action="store_true", help="those that were loaded since")
    purged.add_argument("--older-than", type=positive, metavar="DAYS", help="those last rejected before that")
    purged.add_argument("--yes", action="store_true", help="do it: what is deleted cannot be retried")


def answer(options: Mapping[str, Any], printer: Printer) -> None:
    _ACTIONS[options["action"]](options, printer)


def _list(options: Mapping[str, Any], printer: Printer) -> None:
    chosen = queries.rejected_rows(
        source=options["source"], field=options["field"], with_resolved=options["all"]
    )
    count = chosen.count()
    rows = chosen[: options["limit"]]
    names = ("ID", "Source", "Endpoint", "Upstream id", "Field", "Reason", "Run", "Seen", "Last", "Resolved")
    if count:
        printer.table(f"{len(rows):,} of {count:,} rejected rows", names, [_columns(row) for row in rows])
    else:
        printer.line("no rejected rows")


def _columns(row: RejectedRow) -> tuple[object, ...]:
    identity = (str(row.pk), row.source, row.endpoint, row.upstream_id)
    run = None if row.run_id is None else str(row.run_id)
    return (*identity, row.field, row.reason, run, row.seen_count, row.last_rejected_at, row.resolved_at)


def _show(options: Mapping[str, Any], printer: Printer) -> None:
    row = RejectedRow.objects.filter(pk=options["id"]).first()
    if row is None:
        raise failure(f"there is no rejected row {options['id']}: `manage.py etl rejects list` shows them")
    printer.line(f"rejected row {row.pk} of {row.source} {row.endpoint}, run {row.run_id or 'none'}")
    printer.line(f"field:   {row.field}")
    printer.line(f"reason:  {row.reason}")
    first, last = as_text(row.first_rejected_at), as_text(row.last_rejected_at)
    printer.line(f"seen:    {row.seen_count:,} times, from {first} to {last}")
    printer.line(f"loaded:  {as_text(row.resolved_at) or 'not yet'}")
    printer.line(json.dumps(row.payload, indent=2, ensure_ascii=False))


def _retry(options: Mapping[str, Any], printer: Printer) -> None:
    if bool(options["ids"]) == options["all"]:
        raise UsageError("name the rows to retry, or give --all")
    result = retry.retry(ids=options["ids"] or None, now=timezone.now())
    printer.line(str(result))
    if not result.is_complete:
        raise failure("some rows are still rejected: `manage.py etl rejects list` says why")


def _purge(options: Mapping[str, Any], printer: Printer) -> None:
    days = options["older_than"]
    if not (options["ids"] or options["resolved"] or days):
        raise UsageError("name the rows to delete, or give --resolved or --older-than DAYS")
    chosen = purge.purgeable(
        ids=options["ids"],
        only_resolved=options["resolved"],
        before=None if days is None else timezone.now() - timedelta(days=days),
    )
    if not options["yes"]:
        raise UsageError(f"{chosen.count():,} rows would be deleted for ever: give --yes to do it")
    printer.line(f"{purge.purge(chosen):,} rejected rows deleted")


_ACTIONS: dict[str, Callable[[Mapping[str, Any], Printer], None]] = {
    "list": _list,
    "show": _show,
    "retry": _retry,
    "purge": _purge,
}
