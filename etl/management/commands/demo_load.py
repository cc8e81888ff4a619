"""`manage.py demo_load`: load the sales of the demo's upstream. `serve --demo` calls it."""

import os
import subprocess
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

# A year of sales takes seconds; the service starts without them rather than late.
TIMEOUT_SECONDS = 60
PAGE_SIZE = 1000


class Command(BaseCommand):
    help = "Load the sales of the upstream that `make run` started; without one, do nothing."

    def handle(self, **options: Any) -> None:
        url = os.environ.get("DEMO_UPSTREAM", "")
        if not url:
            # ETL_SOURCE_URL was given: when to read it is its owner's decision.
            return
        self.stdout.write(f"Upstream demo at {url}: a year of sales; `manage.py etl run` reads what is new.")
        self.stdout.flush()
        self.stdout.write(f"  {run_etl()}")


def run_etl() -> str:
    """Run `manage.py etl run` to its end and return its last line; a failure does not stop the demo."""
    command = [
        sys.executable,
        str(settings.BASE_DIR / "manage.py"),
        "etl",
        "run",
        "--page-size",
        str(PAGE_SIZE),
    ]
    try:
        # A process of its own: it handles signals and ends by an exit code, and its pool goes with it.
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        return f"not loaded within {TIMEOUT_SECONDS} s: see `manage.py etl status`"
    lines = (run.stdout if run.returncode == 0 else run.stderr or run.stdout).strip().splitlines()
    last = lines[-1] if lines else ""
    return last if run.returncode == 0 else f"not loaded (exit code {run.returncode}): {last}"
