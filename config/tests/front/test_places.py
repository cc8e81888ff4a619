"""Places are bounded, kept to the end of the work, and come back (contract line G5)."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

import pytest

from config.front.places import NoPlace, Places


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 20))


class TestPlaces:
    def test_are_as_many_as_threads_and_those_who_wait(self) -> None:
        async def scenario() -> None:
            go = threading.Event()
            places = Places("gate", threads=2, waiting=1)
            calls = [places.run(go.wait, 10) for _ in range(3)]

            with pytest.raises(NoPlace):
                places.run(go.wait)
            go.set()

            assert await asyncio.gather(*calls) == [True] * 3
            assert await places.run(int, "4") == 4

        run(scenario())

    def test_serve_in_order(self) -> None:
        async def scenario() -> None:
            done: list[int] = []
            places = Places("gate", threads=1, waiting=10)

            await asyncio.gather(*(places.run(done.append, number) for number in range(10)))

            assert done == list(range(10))

        run(scenario())

    def test_are_kept_by_work_that_nobody_waits_for_any_more(self) -> None:
        async def scenario() -> None:
            go = threading.Event()
            places = Places("gate", threads=1, waiting=0)
            call = asyncio.ensure_future(asyncio.shield(places.run(go.wait, 10)))
            await asyncio.sleep(0)
            call.cancel()

            with pytest.raises(NoPlace):
                places.run(int)
            go.set()
            while True:
                try:
                    await places.run(int)
                except NoPlace:
                    await asyncio.sleep(0.001)
                else:
                    break

        run(scenario())

    def test_come_back_after_an_error(self) -> None:
        async def scenario() -> None:
            places = Places("gate", threads=1, waiting=0)

            for _ in range(3):
                with pytest.raises(ValueError, match="no number"):
                    await places.run(int, "no number")
            assert await places.run(int, "4") == 4

        run(scenario())
