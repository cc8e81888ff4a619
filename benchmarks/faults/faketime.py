"""
A clock that can be set, for one process: libfaketime, where it is installed (Debian: `libfaketime`).
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from benchmarks.rig import pause

_PLACES = (
    Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"),
    Path("/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1"),
)
_FILE = "FAKETIME_TIMESTAMP_FILE"


def library() -> Path | None:
    """Return the library to preload, or None where there is none."""
    return next((place for place in _PLACES if place.exists()), None)


def environment(clock: Path) -> Mapping[str, str]:
    """Return what makes a process read its wall clock's offset from the file `clock`."""
    preload = library()
    if preload is None:
        return {}
    clock.write_text("+0\n")
    return {
        "LD_PRELOAD": str(preload),
        _FILE: str(clock),
        "FAKETIME_NO_CACHE": "1",
        # A step moves the wall clock only: the monotonic clock is what it is.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


def mend_sleep() -> None:
    """Let `time.sleep` of this process, and so of the libraries in it, work under libfaketime."""
    if _FILE in os.environ:
        # Cast: its own annotation also takes what only has __index__.
        time.sleep = cast("Any", pause.sleep)


def step(seconds: int) -> None:
    """
    Set this process's wall clock to now plus `seconds`.

    Raises:
        RuntimeError: the process does not run under libfaketime.
    """
    if _FILE not in os.environ:
        raise RuntimeError("no libfaketime: `apt install libfaketime`, then run it through benchmarks.faults")
    Path(os.environ[_FILE]).write_text(f"{seconds:+d}\n")
