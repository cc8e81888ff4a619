"""
The clients of a spike: processes of `scanners`, one for each processor, and the sum of what they saw.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from queue import SimpleQueue
from time import monotonic
from typing import IO, cast

from analytics.spike.tally import Tally

# Beyond it a machine's clients only take processors from its service.
MOST_PROCESSES = 4


class ClientsFailed(RuntimeError):
    """
    The processes of the clients ended before they were done.

    If you are hitting this, what they wrote to standard error says why.
    """


def send(
    *,
    url: str,
    service_key: str,
    clients: int,
    seconds: float,
    is_mixed: bool = True,
    on_progress: Callable[[Tally, float], None] = lambda *_: None,
) -> Tally:
    """
    Let clients show tickets, each the next one when the last was answered, and return what they saw.

    Args:
        url: of the service, on loopback.
        service_key: for the API.
        clients: how many, each with a connection of its own.
        seconds: how long they show tickets; the last answers come after that.
        is_mixed: show some tickets again and some forged ones, not only new ones.
        on_progress: called several times a second with what was seen since the last time, and the seconds
            since they began.

    Raises:
        ClientsFailed: their processes did.
    """
    count = max(1, min(MOST_PROCESSES, os.cpu_count() or 1, clients))
    bounds = [clients * number // count for number in range(count + 1)]
    seen: SimpleQueue[Tally | None] = SimpleQueue()
    started = [
        _Process(url, service_key, numbers, seconds, seen, is_mixed=is_mixed) for numbers in pairwise(bounds)
    ]
    total = Tally()
    try:
        for process in started:
            process.begin()
        begun = monotonic()
        for _ in started:
            while (tally := seen.get()) is not None:
                total.add(tally)
                on_progress(tally, monotonic() - begun)
    finally:
        are_well = [process.end() for process in started]
    if not all(are_well):
        raise ClientsFailed("the processes of the clients ended before they were done")
    return total


class _Process:
    """Some of the clients. It gets ready while others start, and begins when it is told to."""

    def __init__(
        self,
        url: str,
        service_key: str,
        numbers: tuple[int, int],
        seconds: float,
        seen: "SimpleQueue[Tally | None]",
        *,
        is_mixed: bool,
    ) -> None:
        command = [sys.executable, "-m", "analytics.spike.scanners", "--url", url, "--seconds", str(seconds)]
        self._process = subprocess.Popen(
            [*command, "--numbers", *map(str, numbers), *([] if is_mixed else ["--fresh"])],
            env={**os.environ, "SPIKE_SERVICE_KEY": service_key},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        # Pipes, as asked for.
        self._input = cast("IO[str]", self._process.stdin)
        self._output = cast("IO[str]", self._process.stdout)
        self._reader = threading.Thread(target=self._read, args=(seen,), daemon=True)

    def begin(self) -> None:
        """Wait until it is ready, and let it show tickets."""
        if self._output.readline():
            # One that died meanwhile is found at its end.
            with suppress(BrokenPipeError):
                self._input.write("begin\n")
                self._input.flush()
        self._reader.start()

    def _read(self, seen: "SimpleQueue[Tally | None]") -> None:
        for line in self._output:
            seen.put(Tally.from_json(json.loads(line)))
        seen.put(None)

    def end(self) -> bool:
        """Wait for its end, or make one where the caller was interrupted; return whether it did its work."""
        if sys.exc_info()[0] is not None:
            self._process.kill()
        is_well = self._process.wait() == 0
        if self._reader.is_alive():
            self._reader.join()
        self._output.close()
        with suppress(BrokenPipeError):
            self._input.close()
        return is_well
