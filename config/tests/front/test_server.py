"""The running service goes on, whatever ends its workers."""

import os
import signal
from functools import partial
from pathlib import Path

import httpx
import pytest

from config.front.server import PAUSES, Server
from config.tests.service import serving
from core.embedded import EmbeddedPostgres
from core.pool import SharedPool
from core.tests.fixtures import eventually

pytestmark = pytest.mark.real_pool


def worker(port: int) -> int:
    """Return the process id of the worker that answers; 0 when none does."""
    try:
        return int(httpx.get(f"http://127.0.0.1:{port}/health/db", timeout=5).json()["process_id"])
    except httpx.TransportError:
        return 0


def is_replaced(port: int, ended: int) -> bool:
    return worker(port) not in {0, ended}


class TestAWorker:
    def test_that_is_killed_again_and_again_is_replaced_each_time(
        self, django_pool: SharedPool, postgres: EmbeddedPostgres, tmp_path: Path
    ) -> None:
        log = tmp_path / "service.log"
        with serving(postgres, log=log) as port:
            for _ in range(3):
                ended = worker(port)
                os.kill(ended, signal.SIGKILL)
                eventually(partial(is_replaced, port, ended), timeout=30)

        assert log.read_text().count("worker 1 ended; another starts") == 3

    def test_that_does_not_live_long_waits_longer_each_time(self) -> None:
        server = Server("config.asgi.application")

        pauses = []
        for _ in range(6):
            pauses.append(server._pause_for(0))
            server._started_at[0] = float("inf")

        # The first one had lived long.
        assert pauses == [*PAUSES, PAUSES[-1]]
        assert server._pause_for(1) == 0.0
