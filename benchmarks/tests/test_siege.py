"""What the siege concludes from the scanners' notes and the stored rows."""

from typing import Any

from benchmarks.siege.result import Result, judge

WINDOW = (100.0, 130.0)


def scan(name: str, said: str = "admitted", *, begun: float = 110.0, took: float = 0.01) -> dict[str, Any]:
    return {"scan": name, "begun": begun, "ended": begun + took, "said": said}


def judged(*lines: dict[str, Any], **stored: float) -> Result:
    return judge(lines, stored, attack="nothing", system="turnstile", window=WINDOW)


class TestAnAnswer:
    def test_that_is_stored_is_none_of_these(self) -> None:
        result = judged(scan("a"), a=110.0)

        assert (result.missing, result.contradicted, result.stored_late, result.failed) == (0, 0, 0, 0)

    def test_that_says_admitted_without_a_row_is_missing(self) -> None:
        assert judged(scan("a")).missing == 1

    def test_that_says_no_with_a_row_is_contradicted(self) -> None:
        assert judged(scan("a", "503 busy"), a=110.0).contradicted == 1

    def test_that_never_came_is_stored_late_only_after_the_scanner_gave_up(self) -> None:
        assert judged(scan("a", "no answer", took=5.0), a=114.9).stored_late == 0
        assert judged(scan("a", "no answer", took=5.0), a=115.1).stored_late == 1


class TestFailures:
    def test_are_counted_by_what_was_said_after_the_attack_too(self) -> None:
        result = judged(
            scan("before", "503 busy", begun=99.0),
            scan("a", "503 busy"),
            scan("b", "no answer", took=5.0),
            scan("c", "503 busy", begun=131.0),
        )

        assert result.failures == {"503 busy": 2, "no answer": 1}
        assert (result.shown, result.answered, result.overdue) == (2, 0, 1)


class TestRecovery:
    def test_is_the_end_of_the_last_scan_that_was_not_served_within_a_second(self) -> None:
        late = scan("b", begun=129.0, took=3.0)

        assert judged(scan("a"), late, scan("c", begun=133.0), a=110.0, b=131.0, c=133.0).recovery == 2.0

    def test_is_nothing_when_all_were(self) -> None:
        assert judged(scan("a", begun=131.0), a=131.0).recovery == 0.0

    def test_is_never_when_none_was_served_afterwards(self) -> None:
        assert judged(scan("a", "503 busy", begun=139.0)).recovery is None


class TestAProbe:
    def test_is_late_after_a_second(self) -> None:
        lines = [
            {"probe": "/health", "begun": 110.0, "ended": 110.0 + took, "said": "200"} for took in (0.9, 1.1)
        ]

        result = judged(*lines, {"probe": "/ready", "begun": 111.0, "ended": 113.0, "said": "200"})

        assert (result.probes, result.probes_late, result.health_late) == (3, 2, 1)
