"""
A service in processes of its own: until it answers, who works in it, its end.
"""

import os
import signal
from contextlib import suppress
from time import monotonic, sleep
from typing import TYPE_CHECKING
from urllib.request import urlopen

import psutil

if TYPE_CHECKING:
    import subprocess

START_SECONDS = 60.0


def wait_until_ready(port: int, name: str) -> None:
    """
    Wait until /health answers.

    Raises:
        TimeoutError: it did not in START_SECONDS.
    """
    deadline = monotonic() + START_SECONDS
    while monotonic() < deadline:
        with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
            if answer.status == 200:
                return
        sleep(0.1)
    raise TimeoutError(f"{name} did not start in {START_SECONDS:.0f} s")


def workers(process: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    """Return the processes that serve requests."""
    children = psutil.Process(process.pid).children()
    return [each for each in children if "resource_tracker" not in " ".join(each.cmdline())]


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a service that leads a session, and its workers, which a killed parent leaves."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
