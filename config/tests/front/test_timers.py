"""The ends of many waits share timers, and come no earlier than asked (G4, G5)."""

import asyncio
from time import monotonic

import pytest

from config.front.timers import TICK_SECONDS, Timers, Until


class TestACall:
    def test_comes_not_before_its_moment(self) -> None:
        async def main() -> list[float]:
            timers, came, done = Timers(), list[float](), asyncio.Event()
            asked = [monotonic() + after for after in (0.0, 0.011, 0.05)]
            for at in asked:
                timers.start(at, lambda at=at: came.append(monotonic() - at))  # type: ignore[misc]
            timers.start(asked[-1] + 2 * TICK_SECONDS, done.set)
            await done.wait()
            assert len(came) == len(asked)
            return came

        assert all(late >= 0 for late in asyncio.run(main()))

    def test_does_not_come_when_it_is_taken_out(self) -> None:
        async def main() -> list[str]:
            timers, came, done = Timers(), list[str](), asyncio.Event()
            at = monotonic()

            def first() -> None:
                came.append("first")
                calls.discard(second)

            def second() -> None:
                came.append("second")
                calls.discard(first)

            calls = timers.start(at, first)
            assert timers.start(at, second) is calls
            timers.start(at + 2 * TICK_SECONDS, done.set)
            await done.wait()
            return came

        assert len(asyncio.run(main())) == 1

    def test_comes_in_another_loop_too(self) -> None:
        timers = Timers()

        async def main() -> None:
            done = asyncio.Event()
            timers.start(monotonic(), done.set)
            await asyncio.wait_for(done.wait(), 10)

        asyncio.run(asyncio.sleep(0))
        for _ in range(3):
            asyncio.run(main())


class TestUntil:
    def test_ends_a_wait(self) -> None:
        async def main() -> None:
            with pytest.raises(TimeoutError), Until(Timers(), monotonic() + 0.01):
                await asyncio.Event().wait()
            await asyncio.sleep(0)

        asyncio.run(main())

    def test_ends_nothing_that_came_in_time(self) -> None:
        async def main() -> None:
            timers = Timers()
            with Until(timers, monotonic() + 0.01):
                await asyncio.sleep(0)
            await asyncio.sleep(3 * TICK_SECONDS)

        asyncio.run(main())

    def test_lets_somebody_elses_cancellation_through(self) -> None:
        async def main() -> None:
            async def work() -> None:
                with Until(Timers(), monotonic() + 60):
                    await asyncio.Event().wait()

            task = asyncio.ensure_future(work())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(main())
