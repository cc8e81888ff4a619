"""`manage.py report`"""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from openpyxl import load_workbook

from analytics.models import Event
from reports.catalogue import REPORTS
from reports.tests.conftest import LODZ, TONIGHT, sell


def report(*arguments: Any, **options: Any) -> None:
    call_command("report", *map(str, arguments), **options)


class TestReportCommand:
    def test_writes_the_file_whole_with_both_days_included(self, lodz: Event, tmp_path: Path) -> None:
        sell(TONIGHT, 3, "75")
        sell(LODZ, 2, "99.99", days=1)
        path = tmp_path / "june.csv"

        report("daily-sales", "--from", "2025-06-01", "--to", "2025-06-02", "--output", path)

        assert path.read_text().splitlines()[-2:] == [
            "tonight,Afrobeats Live 2025,2025-06-01,3,75.0000,EUR",
            'lodz,"Koncert w Łodzi, São Paulo gra",2025-06-02,2,99.9900,EUR',
        ]
        assert list(tmp_path.iterdir()) == [path]

    def test_writes_to_the_standard_output_only_the_report(
        self, lodz: Event, capfdbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        sell(TONIGHT, 3, "75")
        sell(LODZ, 2, "99.99")

        report("sales-by-event", "--from=2025-06-01", "--to=2025-06-01", "--event", LODZ, "--output=-")

        out, err = capfdbinary.readouterr()
        assert out.count(b"\r\n") == 2
        assert b"\r\nlodz," in out
        assert b"1 of 1 rows" in err

    def test_writes_into_a_pipe_or_a_device_and_leaves_it_what_it_is(
        self, tonight: Event, tmp_path: Path
    ) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        with ThreadPoolExecutor(1) as thread:
            read = thread.submit(pipe.read_bytes)
            report("daily-sales", "--from=2025-06-01", "--to=2025-06-01", "--output", pipe)

        assert read.result().startswith(b"Daily Sales Report")
        assert pipe.is_fifo()

    def test_writes_the_format_that_was_asked_for(self, tonight: Event, tmp_path: Path) -> None:
        sell(TONIGHT, 3, "75")
        june = ("daily-sales", "--from=2025-06-01", "--to=2025-06-30")

        report(*june, "--format=xlsx", "--output", tmp_path / "june.xlsx")
        report(*june, "--format=json", "--output", tmp_path / "june.json")

        assert load_workbook(tmp_path / "june.xlsx")["Rows"]["D2"].value == 3
        document = json.loads((tmp_path / "june.json").read_text())
        assert [row["tickets_sold"] for row in document["sales_by_event"]] == [3]

    @pytest.mark.parametrize(
        ("arguments", "cure"),
        [
            (["daily-sales", "--event", TONIGHT, "--event=tonite"], "no event 'tonite': sales-by-event"),
            (["etl-runs", "--event", TONIGHT], "etl-runs is not about events, .*: leave --event out"),
        ],
    )
    def test_refuses_an_event_that_would_narrow_nothing_or_all(
        self, tonight: Event, arguments: list[str], cure: str
    ) -> None:
        with pytest.raises(CommandError, match=cure):
            report(*arguments, "--from=2025-06-01", "--to=2025-06-01", "--output=-")

    def test_lists_every_report(self, capsys: pytest.CaptureFixture[str]) -> None:
        report("--list")

        assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(REPORTS)

    @pytest.mark.parametrize(
        ("arguments", "cure"),
        [
            (["daily-sale", "--from=2025-06-01", "--to=2025-06-01", "--output=-"], "there are daily-sales, "),
            (["daily-sales", "--to=2025-06-01", "--output=-"], "--from is missing"),
            (["daily-sales", "--from=2025-06-02", "--to=2025-06-01", "--output=-"], "is before --from"),
            (["daily-sales", "--from=2025-06-01", "--to=9999-12-31", "--output=-"], "last day"),
            (["daily-sales", "--from=2025-06-01", "--to=2025-06-01", "--output=/no/such/x"], "no report"),
            (["daily-sales", "--from=June", "--to=2025-06-01", "--output=-"], "invalid _?day"),
        ],
    )
    def test_says_what_is_wrong(self, transactional_db: None, arguments: list[str], cure: str) -> None:
        with pytest.raises(CommandError, match=cure):
            report(*arguments)
