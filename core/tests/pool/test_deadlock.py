"""When waiting would never end, without a server (contract line L6)."""

import threading

from core.pool.deadlock import find_deadlock
from core.pool.loans import Loan


def other_thread(name: str) -> threading.Thread:
    return threading.Thread(name=name)


class TestFindDeadlock:
    def test_names_every_holder_when_all_of_them_wait(self) -> None:
        other = other_thread("north gate")
        loans = [Loan("django"), Loan("sqlalchemy", other)]

        deadlock = find_deadlock(loans, [other], pool="default")

        assert deadlock is not None
        assert "deadlock in pool 'default': all 2 connections" in str(deadlock)
        assert "MainThread (django)" in str(deadlock)
        assert "north gate (sqlalchemy)" in str(deadlock)

    def test_finds_none_while_one_holder_works(self) -> None:
        assert find_deadlock([Loan("django"), Loan("django", other_thread("at work"))], [], pool="p") is None

    def test_finds_none_where_nothing_is_lent(self) -> None:
        assert find_deadlock([], [other_thread("south gate")], pool="p") is None
