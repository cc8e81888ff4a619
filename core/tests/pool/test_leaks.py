"""Reports of loans that last too long, without a server (contract line R7)."""

import logging
import threading

import pytest

from core.pool import leaks
from core.pool.leaks import OrphanSearch
from core.pool.loans import Loan


def ended_thread() -> threading.Thread:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
    return thread


class TestReports:
    def test_a_loan_is_reported_once(self, caplog: pytest.LogCaptureFixture) -> None:
        loan = Loan("django")

        with caplog.at_level(logging.WARNING, "core.pool.leaks"):
            leaks.report_leaks([loan], after=0)
            leaks.report_leaks([loan], after=0)

        assert len(caplog.records) == 1

    @pytest.mark.parametrize(
        ("thread", "sentence"),
        [
            (threading.main_thread(), "dropped, not returned"),
            (ended_thread(), "a thread died with a connection"),
        ],
    )
    def test_one_that_was_dropped_says_whether_its_thread_lives(
        self, thread: threading.Thread, sentence: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING, "core.pool.leaks"):
            leaks.note_dropped(Loan("django", thread))

        assert sentence in caplog.text


class TestTheSearchForOrphans:
    def test_is_due_when_a_borrowers_thread_has_ended(self) -> None:
        assert OrphanSearch().is_due([Loan("django", ended_thread())])
        assert not OrphanSearch().is_due([Loan("django")])

    def test_is_not_made_again_at_once(self) -> None:
        search, loan = OrphanSearch(), Loan("django", ended_thread())

        search.run()

        assert not search.is_due([loan])
