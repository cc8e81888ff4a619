"""
Django's test runner, which also notes how each test ended: for TEST_RUNNER.
"""

import unittest
from types import TracebackType
from typing import Any

from django.test.runner import DiscoverRunner
from typing_extensions import override

from benchmarks.peers.inside.record import limited, note

Error = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


class RecordingResult(unittest.TextTestResult):
    @override
    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._limit = limited()
        self._limit.__enter__()

    @override
    def stopTest(self, test: unittest.TestCase) -> None:
        self._limit.__exit__(None, None, None)
        super().stopTest(test)

    @override
    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        note(test.id(), "passed")

    @override
    def addError(self, test: unittest.TestCase, err: Error) -> None:
        super().addError(test, err)
        note(test.id(), "failed", _message(err))

    @override
    def addFailure(self, test: unittest.TestCase, err: Error) -> None:
        super().addFailure(test, err)
        note(test.id(), "failed", _message(err))

    @override
    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        note(test.id(), "skipped", reason)

    @override
    def addExpectedFailure(self, test: unittest.TestCase, err: Error) -> None:
        super().addExpectedFailure(test, err)
        note(test.id(), "xfailed", _message(err))

    @override
    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        super().addUnexpectedSuccess(test)
        note(test.id(), "xpassed")

    @override
    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Error | None) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            note(test.id(), "failed", _message(err))


class RecordingRunner(DiscoverRunner):
    def get_resultclass(self) -> Any:
        """Return our result, whatever the options ask for."""
        return RecordingResult


def _message(error: Error) -> str:
    text = f"{type(error[1]).__name__}: {error[1]}"
    return text.splitlines()[0]
