"""
The pytest plugin that notes how each test ended: `-p benchmarks.peers.inside.pytest_record`.
"""

from collections.abc import Iterator

import pytest

from benchmarks.peers.inside.record import limited, note


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """Interrupt a test that takes too long."""
    with limited():
        return (yield)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a phase of a test: its set-up and its clean-up count only when they did not pass."""
    if report.when == "call" or not report.passed:
        note(report.nodeid, _outcome(report), _message(report))


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note a file that could not be read as a test that failed."""
    if report.failed:
        note(report.nodeid, "failed", _message(report))


def _outcome(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return "xfailed" if report.skipped else "xpassed"
    return report.outcome


def _message(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return what went wrong, as pytest's own summary does: one line."""
    if report.passed:
        return ""
    crash = getattr(report.longrepr, "reprcrash", None)
    lines = (crash.message if crash else report.longreprtext).strip().splitlines()
    # A traceback in the style of Python ends with the error; a crash begins with it.
    return (lines[0] if crash else lines[-1]) if lines else ""
