"""The bound of a process: whose slot is taken, and until when (contract line B1)."""

import gc
from collections.abc import Callable
from weakref import ref

import pytest

from core.pool import SharedPool
from core.pool.connection import PooledConnection
from core.pool.slots import Slots


class Socket:
    """What takes a slot; a test closes it."""

    def __init__(self) -> None:
        self.has_socket = True


def nothing() -> None:
    """What a pool does when a slot was freed, here."""


class TestSlots:
    def test_no_more_are_taken_than_the_limit(self) -> None:
        slots, first, second = Slots(1), Socket(), Socket()

        assert slots.take(first, or_call=nothing)
        assert not slots.take(second, or_call=nothing)

        assert slots.taken == 1

    def test_one_whose_socket_was_closed_is_free_without_a_word(self) -> None:
        slots, first, second = Slots(1), Socket(), Socket()
        slots.take(first, or_call=nothing)

        first.has_socket = False

        assert slots.taken == 0
        assert slots.take(second, or_call=nothing)

    def test_one_whose_holder_is_gone_is_free(self) -> None:
        slots, second = Slots(1), Socket()
        slots.take(Socket(), or_call=nothing)

        assert slots.taken == 0
        assert slots.take(second, or_call=nothing)

    def test_one_whose_connection_is_collected_in_a_circle_is_taken_until_its_socket_is_closed(
        self, make_pool: Callable[..., SharedPool]
    ) -> None:
        pool, seen = make_pool(), list[int]()
        circle: list[object] = [pool.getconn()]
        circle.append(circle)
        # It runs when the collector has let the weak references go, and has finalized nothing yet.
        watcher = ref(circle[0], lambda _: seen.append(pool.slots.taken))

        del circle
        gc.collect()

        assert watcher() is None
        assert seen == [1]
        assert pool.slots.taken == 0

    def test_one_whose_connection_was_dropped_with_its_socket_open_is_closed(
        self, make_pool: Callable[..., SharedPool], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pool = make_pool()
        # As if a finalizer was interrupted.
        monkeypatch.setattr(PooledConnection, "__del__", lambda _: None)
        pool.getconn()
        assert pool.slots.taken == 1

        pool.putconn(pool.getconn())

        assert pool.slots.taken == 1

    def test_it_keeps_no_holder_alive(self) -> None:
        slots, holder = Slots(1), Socket()
        slots.take(holder, or_call=nothing)
        is_alive = ref(holder)

        del holder
        gc.collect()

        assert is_alive() is None

    def test_a_connect_passes_its_slot_on_to_the_connection(self) -> None:
        slots, connect, connection = Slots(1), Socket(), Socket()
        slots.take(connect, or_call=nothing)

        slots.pass_on(connect, to=connection)
        connect.has_socket = False

        assert slots.taken == 1
        assert not slots.take(Socket(), or_call=nothing)

    def test_those_who_found_none_are_called_once_when_one_is_freed(self) -> None:
        slots, holder, calls = Slots(1), Socket(), list[str]()
        slots.take(holder, or_call=nothing)
        slots.take(Socket(), or_call=lambda: calls.append("woken"))

        slots.note_freed()
        slots.note_freed()

        assert calls == ["woken"]
