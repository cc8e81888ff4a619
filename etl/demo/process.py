"""
The process of the demo's upstream: started with its socket, and gone when its parent is, even a killed one.
"""

import os
import subprocess
import sys
from pathlib import Path

from etl.demo.upstream import BEARER_VARIABLE, HOST, listen

_ROOT = Path(__file__).resolve().parents[2]
_STOP_SECONDS = 5.0


class UpstreamProcess:
    """
    A running upstream.

    It accepts requests at once: the socket listens before the process that answers is there.
    """

    def __init__(self, *, token: str) -> None:
        with listen() as listener:
            self.url = f"http://{HOST}:{listener.getsockname()[1]}"
            self._process = subprocess.Popen(
                [sys.executable, "-m", "etl.demo.upstream", "--socket", str(listener.fileno())],
                cwd=_ROOT,
                # The process stops when it is closed; only this process holds the other end.
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                pass_fds=[listener.fileno()],
                # Not an argument: every user of the machine can read those.
                env={**os.environ, BEARER_VARIABLE: token},
                # Ctrl-C is for the service; this process ends after it.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def stop(self) -> None:
        """End the process and wait until it is gone; a second call does nothing."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
