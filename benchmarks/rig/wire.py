"""
The wire between a system and its server, for faults of the network: commands to a relay process.
"""

import subprocess
import sys
from pathlib import Path
from typing import Self

from benchmarks.rig.server import DATABASE, ROLE


class Wire:
    """A relay in front of a server's unix socket; `tell()` breaks it."""

    def __init__(self, socket: Path) -> None:
        command = [sys.executable, "-m", "benchmarks.rig.relay", str(socket)]
        self._relay = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self._read())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        # The inner block closes the pipes and reaps the process.
        with self._relay:
            self._relay.kill()

    @property
    def url(self) -> str:
        """The URL of the server through the relay."""
        return f"postgresql://{ROLE}@127.0.0.1:{self.port}/{DATABASE}?sslmode=disable&gssencmode=disable"

    def tell(self, command: str) -> None:
        """Give the relay a command (see `Relay.obey`) and wait until it is done."""
        assert self._relay.stdin is not None
        self._relay.stdin.write(f"{command}\n")
        self._relay.stdin.flush()
        self._read()

    def _read(self) -> str:
        assert self._relay.stdout is not None
        return self._relay.stdout.readline()
