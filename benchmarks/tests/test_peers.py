"""What the comparison with other projects' tests says about two runs, and what its intentions may hold."""

import re
from pathlib import Path

import pytest

from benchmarks.peers import differences, report, runner
from benchmarks.peers.differences import Comparison, Intention, compare, confirm
from benchmarks.peers.outcomes import Outcome, count, parse, read
from benchmarks.peers.runner import SideResult, SuiteResult
from benchmarks.peers.sources import ROOT, Checkout, NotHere
from benchmarks.peers.suite import Run, Suite
from benchmarks.peers.suites import SUITES

PASSED, FAILED = Outcome("passed"), Outcome("failed", "TypeError: no")
RESTART = Intention("psycopg-pool", "R2", "one proof is enough", ("test_restart",))
EXAMPLES = """
import time
import pytest

def test_passes(): pass
def test_fails(): raise ValueError("two\\nlines")
def test_hangs(): time.sleep(30)
def test_is_skipped(): pytest.skip("not here")
@pytest.mark.xfail
def test_is_expected_to_fail(): assert False
def test_breaks_at_its_end(request): request.addfinalizer(lambda: 1 / 0)
"""


def example_suite(*arguments: str, limit_seconds: float = 60.0) -> Suite:
    return Suite(
        name="example",
        title="An example",
        source=Checkout("example", "PEERS_NOWHERE", "pyproject.toml"),
        command=lambda _run: arguments,
        file_of=lambda test: test.partition("::")[0],
        limit_seconds=limit_seconds,
        test_seconds=0.5,
    )


class TestARecord:
    def test_a_test_ended_as_its_worst_phase(self) -> None:
        lines = [
            '{"test": "a", "outcome": "passed", "message": ""}',
            '{"test": "a", "outcome": "failed", "message": "at its end"}',
        ]

        assert parse(lines) == {"a": Outcome("failed", "at its end")}

    def test_a_line_that_was_cut_short_is_left_out(self) -> None:
        assert parse(['{"test": "a", "outcome": "passed", "message": ""}', '{"test": "b", "ou']) == {
            "a": PASSED
        }

    def test_sqlalchemys_names_are_the_same_on_every_server(self) -> None:
        line = (
            '{"test": "t.py::Engine_postgresql+psycopg_15_18::test_a[x]", "outcome": "passed", "message": ""}'
        )

        assert list(parse([line])) == ["t.py::Engine::test_a[x]"]

    def test_no_record_is_no_test(self, tmp_path: Path) -> None:
        assert read(tmp_path / "record.jsonl") == {}


class TestARun:
    def test_notes_how_each_test_ended_and_interrupts_one_that_hangs(self, tmp_path: Path) -> None:
        (tmp_path / "test_examples.py").write_text(EXAMPLES)
        options = ["-p", "benchmarks.peers.inside.pytest_record", "-p", "no:cacheprovider", "-c", "/dev/null"]
        suite = example_suite("-m", "pytest", *options, "--rootdir", str(tmp_path), "test_examples.py")

        trouble = runner.execute(suite, Run("ours", tmp_path, "", tmp_path))

        ended = {
            test.partition("::")[2]: outcome for test, outcome in read(tmp_path / "record.jsonl").items()
        }
        assert trouble == ""
        assert {test: outcome.word for test, outcome in ended.items()} == {
            "test_passes": "passed",
            "test_fails": "failed",
            "test_hangs": "failed",
            "test_is_skipped": "skipped",
            "test_is_expected_to_fail": "xfailed",
            "test_breaks_at_its_end": "failed",
        }
        assert ended["test_fails"].message == "ValueError: two"
        assert "more than 0.5 s" in ended["test_hangs"].message

    def test_is_stopped_at_its_limit_and_says_so(self, tmp_path: Path) -> None:
        suite = example_suite("-c", "import time; time.sleep(60)", limit_seconds=0.5)

        assert runner.execute(suite, Run("ours", tmp_path, "", tmp_path)) == "stopped after 0.5 s"


class TestAComparison:
    def test_what_ends_alike_is_no_difference(self) -> None:
        found = compare({"a": PASSED, "b": FAILED}, {"a": PASSED, "b": Outcome("failed", "KeyError")}, [])

        assert found == Comparison()

    def test_what_nobody_listed_is_unexpected(self) -> None:
        found = compare({"a": PASSED}, {"a": FAILED}, [RESTART])

        assert [(each.test, each.message) for each in found.unexpected] == [("a", "TypeError: no")]

    def test_what_is_listed_is_on_purpose(self) -> None:
        found = compare({"test_restart": PASSED}, {"test_restart": FAILED}, [RESTART])

        assert (found.unexpected, found.gone) == ([], [])
        assert [each.intention for each in found.intended] == [RESTART]

    def test_what_is_listed_and_ends_alike_is_reported(self) -> None:
        assert compare({"test_restart": PASSED}, {"test_restart": PASSED}, [RESTART]).gone == ["test_restart"]

    def test_what_is_listed_and_fails_on_stock_too_is_not_reported(self) -> None:
        assert compare({"test_restart": FAILED}, {"test_restart": FAILED}, [RESTART]) == Comparison()

    def test_what_is_listed_and_exists_no_more_is_reported(self) -> None:
        assert compare({}, {}, [RESTART]).gone == ["test_restart"]

    def test_what_is_listed_as_depending_on_time_may_end_alike(self) -> None:
        in_time = Intention("psycopg-pool", "R3", "it depends", ("test_restart",), is_certain=False)

        assert compare({"test_restart": PASSED}, {"test_restart": PASSED}, [in_time]) == Comparison()

    def test_only_what_differs_in_both_runs_counts(self) -> None:
        first = compare({"a": PASSED, "b": PASSED}, {"a": FAILED, "b": FAILED}, [])
        again = compare({"b": PASSED, "c": PASSED}, {"b": FAILED, "c": FAILED}, [])

        confirmed = confirm(first, again)

        assert [each.test for each in confirmed.unexpected] == ["b"]
        assert [each.test for each in confirmed.once] == ["a", "c"]

    def test_a_test_that_ran_on_one_side_only_differs(self) -> None:
        (found,) = compare({"a": PASSED}, {}, []).unexpected

        assert (found.stock.word, found.ours.word) == ("passed", "not run")


class TestAResult:
    def test_a_run_that_was_cut_short_is_not_as_intended(self) -> None:
        sides = {"stock": SideResult({"a": PASSED}, 1.0), "ours": SideResult({"a": PASSED}, 1.0, "stopped")}

        assert not SuiteResult(example_suite(), sides).is_as_intended  # type: ignore[arg-type]

    def test_the_terminal_names_what_is_not_as_intended(self) -> None:
        result = SuiteResult(example_suite(), comparison=compare({"a": PASSED}, {"a": FAILED}, [RESTART]))

        assert report.lines([result]) == [
            "example: `a`: passed on stock, failed on ours: TypeError: no",
            "example: test_restart: listed in intended.toml, and ends alike",
        ]

    def test_counts_tests_by_how_they_ended(self) -> None:
        assert count({"a": PASSED, "b": PASSED, "c": FAILED}) == {"passed": 2, "failed": 1}


class TestTheSources:
    def test_a_project_that_ships_no_tests_asks_for_a_clone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("PEERS_NOWHERE", raising=False)

        with pytest.raises(NotHere, match="set PEERS_NOWHERE to a clone"):
            example_suite().source.folder()


class TestTheIntentions:
    def test_each_is_asked_for_by_a_line_of_the_contract(self) -> None:
        contract = (ROOT / "docs" / "pool.md").read_text()

        lines = {intention.line for intention in differences.load()}

        assert lines <= set(re.findall(r"^- \*\*([A-Z]\d+)\*\*", contract, re.MULTILINE))

    def test_each_belongs_to_a_suite_and_says_why(self) -> None:
        assert all(each.suite in SUITES and each.why and each.tests for each in differences.load())

    def test_no_test_is_listed_twice(self) -> None:
        listed = [(each.suite, test) for each in differences.load() for test in each.tests]

        assert len(listed) == len(set(listed))
