"""
The DATABASES entry: Postgres through `core.backend`, with one bounded pool in each process.

The pool's options carry psycopg_pool's own names, so the same entry also works with Django's stock engine
(less `ping_after`, `leak_seconds`, `lazy`, `hold`, `fail_fast`, `keeps_session` and the classes: ours).
"""

from pathlib import Path
from typing import Any

from config import env
from core.backend import application_name
from core.pool.passwords import PasswordOfCommand, PasswordOfFile

# They go on trying when the database refuses them, and are served once a password or a role is right again.
# Any other `manage.py` command ends at once. "python" is whatever is no command, such as a worker of Celery.
SERVICES = {"web", "python", "runserver", "report_worker"}
# They answer requests: what names no class of its own is somebody's on the staff. All else is a batch.
SERVERS = {"web", "python", "runserver"}
# They may wait for a lock, and work, for as long as it takes.
UNLIMITED = {"migrate", "dbshell", "shell"}
# Places that neither staff nor batches may have: a scan finds one, whatever they hold.
KEPT_FOR_THE_GATES = 3


def database_entry() -> dict[str, Any]:
    """Return DATABASES["default"], read from the environment."""
    entry: dict[str, Any] = dict(env.database())
    options = {
        **entry["OPTIONS"],
        "connect_timeout": _connect_timeout(entry["OPTIONS"].get("connect_timeout")),
        "pool": pool_options(),
    }
    if is_pooled():
        # What one session prepared is not there in the next, and no cursor outlives a transaction.
        options["prepare_threshold"] = None
        entry["DISABLE_SERVER_SIDE_CURSORS"] = True
    return {
        # The pool decides what is alive, without a round trip per request.
        "CONN_HEALTH_CHECKS": False,
        **entry,
        "ENGINE": "core.backend",
        "PASSWORD": _password(entry["PASSWORD"]),
        "OPTIONS": options,
        # The pool owns the life of a connection: Django gives it back at the end of each request.
        "CONN_MAX_AGE": 0,
        "TEST": {"NAME": None},
    }


def _connect_timeout(in_url: int | None) -> int:
    """Return the seconds that the environment says, or the URL, or else the default."""
    seconds = env.whole_number("DATABASE_CONNECT_TIMEOUT", 5, minimum=1)
    if in_url is None:
        return seconds
    if env.is_given("DATABASE_CONNECT_TIMEOUT") and seconds != in_url:
        env.refuse(
            f"DATABASE_CONNECT_TIMEOUT={seconds} contradicts connect_timeout={in_url} in DATABASE_URL: "
            "remove one of the two"
        )
    return in_url


def _password(in_url: str) -> Any:
    """
    Return the password, or an object whose text is the password of the moment.

    Raises:
        ImproperlyConfigured: it is given more than once.
    """
    file = env.file("DATABASE_PASSWORD_FILE", "")
    command = env.command("DATABASE_PASSWORD_COMMAND", "")
    if sum(map(bool, (in_url, file, command))) > 1:
        env.refuse(
            "the password is given twice: keep one of DATABASE_URL's, DATABASE_PASSWORD_FILE and "
            "DATABASE_PASSWORD_COMMAND (see .env.example)"
        )
    if file:
        return PasswordOfFile(Path(file), setting="DATABASE_PASSWORD_FILE")
    if command:
        return PasswordOfCommand(command, setting="DATABASE_PASSWORD_COMMAND")
    return in_url


def is_pooled() -> bool:
    """Tell whether a pooler is before the server that gives each transaction another session."""
    return env.choice("DATABASE_POOLER", "none", choices=("none", "transaction")) == "transaction"


def pool_options() -> dict[str, Any]:
    """Return the pool's options: sizes in connections, times in seconds."""
    size = env.whole_number("POOL_SIZE", 5, minimum=1)
    overflow = env.whole_number("POOL_MAX_OVERFLOW", 10)
    return {
        "min_size": size,
        "max_size": size + overflow,
        "timeout": env.seconds("POOL_TIMEOUT", 30.0),
        "max_lifetime": env.seconds("POOL_RECYCLE", 1800.0),
        "max_idle": env.seconds("POOL_OVERFLOW_IDLE", 10.0),
        "max_waiting": env.whole_number("POOL_MAX_WAITING", 0),
        "ping_after": env.seconds("POOL_PING_AFTER", 1.0),
        "leak_seconds": env.seconds("POOL_LEAK_SECONDS", 60.0),
        # A command that uses one connection opens one, not POOL_SIZE of them.
        "lazy": True,
        # A request that renders, hashes a password or waits for another service holds none.
        "hold": "transaction",
        "fail_fast": application_name.role() not in SERVICES,
        "keeps_session": not is_pooled(),
        "classes": _classes(bound=size + overflow),
        "default_class": "staff" if application_name.role() in SERVERS else "batch",
    }


def _classes(*, bound: int) -> dict[str, dict[str, Any]]:
    """Return the classes of borrowers, the first one first."""
    staff = env.whole_number("POOL_STAFF_PLACES", 0) or max(1, bound - KEPT_FOR_THE_GATES)
    batch = env.whole_number("POOL_BATCH_PLACES", 0) or max(1, bound // 3)
    return {
        # It says itself how long it waits: HEALTH_DB_TIMEOUT.
        "health": {"time_limits": _time_limits(lock=2, statement=5, idle=5, transaction=10)},
        "gate": {
            "timeout": env.seconds("POOL_GATE_TIMEOUT", 2.0),
            "time_limits": _time_limits(lock=2, statement=5, idle=5, transaction=10),
        },
        "staff": {
            "places": staff,
            "timeout": env.seconds("POOL_STAFF_TIMEOUT", 5.0),
            "time_limits": _time_limits(lock=5, statement=30, idle=30, transaction=60),
        },
        "batch": {
            "places": batch,
            "timeout": env.seconds("POOL_BATCH_TIMEOUT", 30.0),
            "time_limits": _time_limits(lock=60, statement=0, idle=300, transaction=0),
        },
    }


def _time_limits(*, lock: float, statement: float, idle: float, transaction: float) -> dict[str, float]:
    """Return what a class may take of the server's time: settings of Postgres, in seconds; 0 is no limit."""
    if application_name.role() in UNLIMITED:
        return {}
    return {
        "lock_timeout": lock,
        "statement_timeout": statement,
        "idle_in_transaction_session_timeout": idle,
        # Of Postgres 17 and newer; it ends the session.
        "transaction_timeout": transaction,
    }
