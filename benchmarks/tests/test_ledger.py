"""What the ledger says about requests."""

import psycopg

from benchmarks.rig.ledger import Ledger, name_of


def end_of_the_backend() -> None:
    raise psycopg.errors.AdminShutdown


class TestLedger:
    def test_acknowledges_the_rows_of_a_request_that_succeeded(self) -> None:
        ledger = Ledger()

        with ledger.attempt(1, (1, 0)):
            pass

        assert ledger.acknowledged == [(1, 0)]

    def test_names_the_failure_and_acknowledges_nothing(self) -> None:
        ledger = Ledger()

        ledger.call(1, end_of_the_backend, (1, 0))

        assert (ledger.acknowledged, ledger.errors()) == ([], {"AdminShutdown": 1})

    def test_counts_a_request_without_an_answer_as_hanging(self) -> None:
        ledger = Ledger()

        with ledger.attempt(1):
            given_up = ledger.give_up()

        assert given_up == 1
        assert ledger.attempts[0].error == "hangs"

    def test_names_the_drivers_error_under_its_wrappers(self) -> None:
        error = RuntimeError()
        error.__cause__ = psycopg.errors.ReadOnlySqlTransaction()

        assert name_of(error) == "ReadOnlySqlTransaction"
