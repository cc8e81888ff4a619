"""
What this process is called in pg_stat_activity: `turnstile:<role>:<pid>`, so that on-call sees who is who.
"""

import os
import sys
from pathlib import Path

# What a server imports in its workers.
SERVED = {"config.asgi", "config.wsgi"}


def role() -> str:
    """Return `web` in a server's worker, else the management command, else `python`."""
    if not SERVED.isdisjoint(sys.modules):
        return "web"
    program = Path(sys.argv[0])
    # `python -m django`; any other module, such as Celery's, is no command.
    is_command = program.name in {"manage.py", "django-admin"} or program.parts[-2:] == (
        "django",
        "__main__.py",
    )
    return sys.argv[1] if is_command and len(sys.argv) > 1 else "python"


def application_name(configured: str | None = None) -> str:
    """Return the name under which Postgres lists this process; `configured`, where given, wins."""
    return configured or f"turnstile:{role()}:{os.getpid()}"
