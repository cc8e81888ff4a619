"""
A migrated database with one large stored report, and somebody who may download it.
"""

import os
import socket
from datetime import timedelta
from pathlib import Path

import django
from django.utils import timezone

BYTES = 50 * 1024 * 1024


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def prepare(folder: Path) -> tuple[str, str]:
    """Make the report, in the database and in `folder`; return its path and its user's session."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.core.management import call_command
    from django.db import connections

    call_command("migrate", verbosity=0)
    (folder / "large.csv").write_bytes(bytes(BYTES))
    path, session = _path_of_the_report(), _session_of_an_administrator()
    connections.close_all()
    return path, session


def _path_of_the_report() -> str:
    from reports.models import GeneratedReport, ReportState

    now = timezone.now()
    generated = GeneratedReport.objects.create(
        report="daily-sales",
        format="csv",
        state=ReportState.MADE,
        parameters={"start": "2025-06-01", "end": "2025-06-02", "event_ids": None},
        requested_at=now,
        expires_at=now + timedelta(days=1),
        file_name="large.csv",
        size_bytes=BYTES,
    )
    return f"/admin/reports/{generated.pk}/download/"


def _session_of_an_administrator() -> str:
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.models import User
    from django.contrib.sessions.backends.db import SessionStore

    user = User.objects.create_superuser("admin")
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)
