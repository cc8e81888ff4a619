"""
The files that describe a deployment: `.env`, and for the commands beside a running demo what that has made.

Once the demo has ended, its keys and its database are nobody's. A server never takes them by itself: that of
`serve --demo` has them in its environment.
"""

import fcntl
from collections.abc import Iterator
from pathlib import Path

from core.backend import application_name

# `manage.py serve` and its workers, or those of another server.
SERVERS = {"serve", "web"}
DEMO_FILE, DEMO_LOCK = "demo.env", "serve.lock"


def of_this_process(settings_file: Path, *, demo_folder: Path) -> Iterator[Path]:
    """Yield the files that this process reads its settings from, the one that wins first."""
    if settings_file.exists():
        yield settings_file
    if application_name.role() not in SERVERS and is_demo_running(demo_folder):
        yield demo_folder / DEMO_FILE


def is_demo_running(folder: Path) -> bool:
    """Tell whether a demo uses `folder` now: for as long as it runs, it keeps a lock there."""
    try:
        lock = (folder / DEMO_LOCK).open()
    except (FileNotFoundError, PermissionError):
        return False
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return (folder / DEMO_FILE).exists()
    return False
