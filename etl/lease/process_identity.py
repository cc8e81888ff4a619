"""
Which process holds a lease. It is known apart from a later one with the same id, on this machine or another.
"""

import hashlib
import os
import secrets
import socket
from contextlib import suppress
from pathlib import Path

_HOST_LENGTH = 40


def this_process() -> str:
    """Return a new holder: "host:machine:pid:started:nonce". No two calls return the same."""
    pid = os.getpid()
    return f"{_host()}:{_machine()}:{pid}:{_started(pid)}:{secrets.token_hex(4)}"


def is_dead(holder: str) -> bool:
    """Return whether `holder` is a process of this machine that is gone; False where that cannot be known."""
    host, machine, pid, started, *_ = [*holder.split(":"), "", "", "", ""]
    if (host, machine) != (_host(), _machine()) or not machine or not pid.isdigit():
        return False
    return _started(int(pid)) != started


def as_text(holder: str) -> str:
    """Return what a person needs in order to find the process, such as "process 7 on gate-host"."""
    host, _, pid, *_ = [*holder.split(":"), "", ""]
    return f"process {pid} on {host}"


def _host() -> str:
    return socket.gethostname().replace(":", "-")[:_HOST_LENGTH]


def _machine() -> str:
    """
    Identify this boot of this machine, and this container's own numbering of processes; "" where unknown.

    Two containers may share a host name and each have a process 1.
    """
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        return hashlib.sha256(f"{boot}{Path('/proc/self/ns/pid').readlink()}".encode()).hexdigest()[:12]
    return ""


def _started(pid: int) -> str:
    """Return the ticks since boot at which process `pid` started, "" when it is gone or a zombie."""
    with suppress(OSError):
        # The second field, the program's name in brackets, may hold spaces.
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if state in "ZX" else fields[18]
    return ""
