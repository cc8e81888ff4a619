"""
What one would use instead of Turnstile, on a Postgres of its own: `benchmarks.spike` has it.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import IO, cast

MODULE = "benchmarks.spike.alone"


class NoAlternative(RuntimeError):
    """
    It did not start; the message says why.
    """


class Alternative:
    """
    A system that answers at `url`.

    Attributes:
        url: on loopback.
        bound: the most connections that its Postgres has.
        connections: how many it has now.
    """

    def __init__(self, url: str, bound: int) -> None:
        self.url, self.bound, self.connections = url, bound, 0

    def follow(self, lines: IO[str]) -> None:
        """Read how many connections there are, until it ends."""
        for line in lines:
            self.connections = json.loads(line)["connections"]


def refuse_absent_module() -> None:
    """
    Make sure that there is something to compare with.

    Raises:
        NoAlternative: this is a deployment, without the comparisons.
    """
    try:
        found = find_spec(MODULE)
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise NoAlternative("the alternatives are in benchmarks/, which is not here: use a checkout")


@contextmanager
def started(system: str) -> Iterator[Alternative]:
    """
    Start a system, with this service's keys; it ends with the block, and with this process.

    Raises:
        NoAlternative: it did not start.
    """
    command = [sys.executable, "-m", MODULE, system]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    output = cast("IO[str]", process.stdout)
    follower: threading.Thread | None = None
    try:
        first = output.readline()
        if not first:
            raise NoAlternative(f"{system} did not start: see above")
        found = Alternative(**json.loads(first))
        follower = threading.Thread(target=found.follow, args=(output,), daemon=True)
        follower.start()
        yield found
    finally:
        cast("IO[str]", process.stdin).close()
        process.wait()
        if follower is not None:
            follower.join()
        output.close()
