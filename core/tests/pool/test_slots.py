"""The bound of a process, without a server (contract line B1)."""

import gc
from weakref import ref

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
