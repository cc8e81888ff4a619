"""A body is bounded in bytes and in time, and all bodies together in memory (contract line G5)."""

import asyncio
from typing import Any

import pytest

from config.body_limits import BodyRefused
from config.front.bodies import Bodies, Disconnected, Heads, Receive, has_body
from config.front.timers import Timers


def sent(*chunks: bytes, ends: bool = True) -> Receive:
    """Return ASGI's receive() of a client that sends these, and then ends its body or goes quiet."""
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    if ends:
        messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Any:
        if not messages:
            await asyncio.Event().wait()
        return messages.pop(0)

    return receive


async def disconnected() -> Any:
    return {"type": "http.disconnect"}


def read(bodies: Bodies, receive: Receive, *, limit: int = 10, seconds: float = 10) -> bytes:
    heads = {b"transfer-encoding": b"chunked"}
    return asyncio.run(bodies.read(heads, receive, limit=limit, seconds=seconds))


class TestABody:
    def test_is_read_to_its_end(self) -> None:
        assert read(Bodies(Timers()), sent(b"one ", b"", b"two")) == b"one two"

    def test_of_a_known_length_is_whole_with_its_last_byte(self) -> None:
        heads = {b"content-length": b"7"}
        nobody_says_so = sent(b"one ", b"two", ends=False)

        assert asyncio.run(Bodies(Timers()).read(heads, nobody_says_so, limit=10, seconds=10)) == b"one two"

    def test_in_chunks_ends_where_they_end(self) -> None:
        heads = {b"content-length": b"4", b"transfer-encoding": b"chunked"}

        read = asyncio.run(Bodies(Timers()).read(heads, sent(b"one ", b"two"), limit=10, seconds=10))

        assert read == b"one two"

    def test_that_says_it_is_too_large_is_not_read(self) -> None:
        for heads in ({}, {b"transfer-encoding": b"chunked"}):
            declared = {b"content-length": b"11", **heads}
            with pytest.raises(BodyRefused, match="at most 10 bytes"):
                asyncio.run(Bodies(Timers()).read(declared, sent(ends=False), limit=10, seconds=10))

    def test_that_is_larger_than_the_limit_is_refused_by_its_first_byte_too_many(self) -> None:
        assert read(Bodies(Timers()), sent(b"12345", b"67890")) == b"1234567890"

        with pytest.raises(BodyRefused, match="at most 10 bytes") as refused:
            read(Bodies(Timers()), sent(b"12345", b"678901", ends=False))

        assert refused.value.status == 413

    def test_that_does_not_end_in_time_is_refused(self) -> None:
        with pytest.raises(BodyRefused, match="in time") as refused:
            read(Bodies(Timers()), sent(b"1", ends=False), seconds=0.01)

        assert refused.value.status == 408

    def test_of_a_client_that_left_is_nobodys(self) -> None:
        with pytest.raises(Disconnected):
            read(Bodies(Timers()), disconnected)


class TestAllBodiesTogether:
    def test_are_bounded(self) -> None:
        bodies = Bodies(Timers(), bound=15)
        first = read(bodies, sent(b"1234567890"))

        with pytest.raises(BodyRefused, match="too many") as refused:
            read(bodies, sent(b"123456"))
        assert refused.value.status == 503

        bodies.release(first)
        assert read(bodies, sent(b"1234567890")) == first

    def test_forget_those_that_were_not_read_to_their_end(self) -> None:
        bodies = Bodies(Timers(), bound=10)

        for receive in (sent(b"123456789", b"too many"), sent(b"123456789", ends=False)):
            with pytest.raises(BodyRefused):
                read(bodies, receive, seconds=0.01)

        assert read(bodies, sent(b"1234567890")) == b"1234567890"


class TestTheHead:
    @pytest.mark.parametrize(
        ("headers", "has_one"),
        [
            ({}, False),
            ({b"content-length": b"0"}, False),
            ({b"content-length": b"00"}, False),
            ({b"content-length": b"10"}, True),
            ({b"transfer-encoding": b"chunked"}, True),
        ],
    )
    def test_tells_whether_a_body_follows(self, headers: Heads, *, has_one: bool) -> None:
        assert has_body(headers) is has_one
