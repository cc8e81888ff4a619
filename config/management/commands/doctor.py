"""`manage.py doctor` of this service: its keys, its settings by their names, and all its processes."""

from collections.abc import Iterator

from django.conf import settings

from config import checks
from core.budget import ConnectionBudget
from core.management.commands import doctor
from core.management.commands.doctor import Finding


class Command(doctor.Command):
    help = "Check keys, database, connection budget and migrations; exit 1 when something must be changed."
    unreachable_cure = "start it, or correct DATABASE_URL; `make run` starts one of its own"

    def examine(self) -> Iterator[Finding]:
        """Yield one finding for each question: the keys first."""
        yield keys()
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
        text = f"connections: WEB_WORKERS x (POOL_SIZE + POOL_MAX_OVERFLOW) + commands = {needed}"
        if needed.fits:
            return Finding("ok", text)
        cure = "lower WEB_WORKERS or POOL_MAX_OVERFLOW, or raise max_connections"
        return Finding("fail", text, f"{needed.excess} too many: {cure}")


def keys() -> Finding:
    """Are the three keys different? `config.env` has already refused to start with a short one."""
    names = ("SECRET_KEY", "QR_SIGNING_KEY", "SERVICE_API_KEY")
    values = [getattr(settings, name) for name in names]
    if len(set(values)) < len(values):
        return Finding("fail", f"two of {', '.join(names)} are the same", "make a key of its own for each")
    lengths = ", ".join(f"{name} {len(value)}" for name, value in zip(names, values, strict=True))
    return Finding("ok", f"keys are set and differ (characters: {lengths})")
