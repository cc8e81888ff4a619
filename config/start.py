"""
What `manage.py serve` refuses before it serves: what `doctor` fails. The promise is kept from the start.
"""

import os
from collections.abc import Callable, Iterator
from typing import TypeVar

from django.conf import settings
from django.core.management.base import CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from config import checks, findings
from config.commands import WRONG_SETTINGS
from core import db
from core.budget import ConnectionBudget
from core.management.commands.doctor import Finding

Answer = TypeVar("Answer")


def refuse_wrong_settings(tell: Callable[[str], object]) -> None:
    """
    Compare the keys with each other, and the pools of all workers with the server's limit.

    With POOL_ENFORCE_BUDGET=shrink the pools' bound is lowered instead, and `tell` is called with how; it is
    called, too, where "off" lets them be too large.

    Raises:
        CommandError: something is wrong, a line for each; or the database cannot be reached.
    """
    failed = [_as_line(finding) for finding in (findings.keys(),) if finding.verdict == "fail"]
    try:
        failed += _budget(tell)
    except CommandError as unreachable:
        if not failed:
            raise
        failed.append(str(unreachable))
    if failed:
        raise CommandError("\n".join(failed), returncode=WRONG_SETTINGS)


def _budget(tell: Callable[[str], object]) -> Iterator[str]:
    """Yield what is wrong with it, unless the settings say that nothing should be."""
    needed = _asked_of_the_server(findings.needed)
    too_many = _as_line(findings.budget(needed))
    if needed.fits:
        return
    if settings.POOL_ENFORCE_BUDGET == "off":
        tell(too_many)
    elif settings.POOL_ENFORCE_BUDGET == "shrink" and needed.largest_bound > 0:
        tell(_shrink(needed))
    else:
        yield too_many


def _shrink(needed: ConnectionBudget) -> str:
    """Lower the bound for the workers, which read the environment when they start; return what was done."""
    sizes = checks.sizes_for(needed.largest_bound)
    os.environ.update({name: str(value) for name, value in sizes.items()})
    return f"connections: {needed}; each worker takes {checks.as_text(sizes)} instead (POOL_ENFORCE_BUDGET)"


def _as_line(finding: Finding) -> str:
    return f"{finding.text}: {finding.cure}"


def refuse_pending_migrations() -> None:
    """
    Compare the database's schema with the code's.

    Raises:
        CommandError: migrations are missing, or the database cannot be reached.
    """
    executor = _asked_of_the_server(lambda: MigrationExecutor(connection))
    count = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    if count:
        raise CommandError(f"the database lacks {count} migrations: run `python manage.py migrate` first")


def _asked_of_the_server(question: Callable[[], Answer]) -> Answer:
    try:
        return question()
    except DatabaseError as error:
        found = db.diagnose(error)
        if found is None:
            raise
        raise CommandError(f"the database cannot serve now ({found}): see `manage.py doctor`") from error
