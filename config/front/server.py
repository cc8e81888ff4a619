"""
granian, but that it goes on whatever happens to its workers.
"""

import logging
from collections.abc import Callable, Sequence
from time import monotonic, sleep
from typing import Any

from granian.server.mp import MPServer

logger = logging.getLogger(__name__)

# Who dies sooner after his start has not served for long; his successor waits, longer each time.
SHORT_LIFE_SECONDS = 5.0
PAUSES = (0.0, 0.5, 1.0, 2.0, 5.0)


class Server(MPServer):
    """
    Replaces a worker each time that it dies.

    granian's own ends the service when one dies within 5.5 s of its start: a machine that kills two
    workers in a row for their memory would close the gates. Pinned: `_respawn_workers` is not public.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.respawn_failed_workers = True
        self._started_at: dict[int, float] = {}
        self._short_lives: dict[int, int] = {}

    def _respawn_workers(
        self, workers: Sequence[int], spawn_target: Callable[..., Any], target_loader: Any, delay: float = 0
    ) -> None:
        pause = max(self._pause_for(number) for number in workers)
        logger.error(
            "worker %s ended; another starts%s",
            ", ".join(str(number + 1) for number in workers),
            f" in {pause:g} s" if pause else "",
        )
        sleep(pause)
        super()._respawn_workers(workers, spawn_target, target_loader, delay)
        self._started_at.update(dict.fromkeys(workers, monotonic()))
        # What granian would take for a crash loop.
        self.respawned_wrks.clear()

    def _pause_for(self, number: int) -> float:
        lived = monotonic() - self._started_at.get(number, 0.0)
        lives = self._short_lives.get(number, 0) + 1 if lived < SHORT_LIFE_SECONDS else 0
        self._short_lives[number] = lives
        return PAUSES[min(lives, len(PAUSES) - 1)]
