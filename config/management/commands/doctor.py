"""`manage.py doctor` of this service: its keys, its settings by their names, and all its processes."""

from collections.abc import Iterator

from django.conf import settings

from config import checks, findings
from core.budget import ConnectionBudget
from core.management.commands import doctor
from core.management.commands.doctor import Finding


class Command(doctor.Command):
    help = "Check keys, database, connection budget and migrations; exit 1 when something must be changed."
    unreachable_cure = "start it, or correct DATABASE_URL; `make run` starts one of its own"

    def examine(self) -> Iterator[Finding]:
        """Yield one finding for each question: the keys first."""
        yield findings.keys()
        yield from findings.names()
        yield from super().examine()

    def pool_settings(self, alias: str) -> Iterator[Finding]:
        """Do the settings that make the pool fit together?"""
        messages = checks.check_pool_settings()
        for message in messages:
            yield Finding("warn", str(message.msg), str(message.hint))
        if not messages:
            pool = checks.pool_options()
            yield doctor.described(pool["min_size"], pool["max_size"], pool["timeout"])

    def processes(self) -> int:
        """Every serving process has a pool."""
        return int(settings.WEB_WORKERS)

    def budget(self, needed: ConnectionBudget) -> Finding:
        """Does what all workers may open fit into what the server grants?"""
        return findings.budget(needed)
