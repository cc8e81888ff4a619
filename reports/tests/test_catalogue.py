"""What each report says of an evening at the gates."""

import uuid
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from analytics.models import Event
from analytics.tests.conftest import NORTH, SOUTH, forged, invalid_attempt, scan, ticket, transfer
from core import db
from reports.catalogue import (
    REPORTS,
    Chart,
    Parameters,
    UnknownReport,
    UnreadableParameters,
    find,
    parameters_from_json,
    parameters_to_json,
)
from reports.models import FileFormat
from reports.tests.conftest import EIGHT, JUNE, LODZ, TONIGHT, Make, etl_run, model, sell

AFRO = "Afrobeats Live 2025"


@pytest.fixture
def evening(lodz: Event) -> None:
    """
    Ada and Ben come in by the north gate; Ada's ticket is shown again at the south gate; a forged one and one
    of no known event are refused; Ada gave a ticket away, and once that failed. Four were sold.
    """
    of_tonight = {"event": TONIGHT}
    scan(ticket("ada", **of_tonight))
    scan(ticket("ben", **of_tonight), minutes=1)
    scan(ticket("ada", **of_tonight), gate=SOUTH, minutes=70)
    scan(forged("eve", **of_tonight), gate=SOUTH, minutes=2)
    scan("no ticket at all", gate=SOUTH, minutes=3)
    transfer(event_id=TONIGHT)
    transfer(event_id=TONIGHT, is_successful=False, reason="offer expired", minutes=5)
    sell(TONIGHT, 3, "75")
    sell(TONIGHT, 1, "20", currency="USD", days=-40)


def rows(make: Make, slug: str, **narrowed: Any) -> list[list[str]]:
    parameters = Parameters(start=JUNE.start, end=JUNE.end, **narrowed)
    return [list(row) for row in make(slug, parameters=parameters).preview.rows]


def figures(make: Make, slug: str) -> dict[str, str]:
    return dict(make(slug).preview.figures)


def cells(make: Make, slug: str) -> list[dict[str, str]]:
    """Return the rows, each as column and text."""
    names = [column.name for column in REPORTS[slug].columns]
    return [dict(zip(names, row, strict=True)) for row in rows(make, slug)]


class TestDailySales:
    def test_counts_transfers_and_invalid_scans_that_the_legacy_report_never_did(
        self, evening: None, make: Make
    ) -> None:
        assert figures(make, "daily-sales") == {
            "Total Sales": "3",
            "Total Revenue": "75.0000 EUR",
            "Total Transfers": "2",
            "Invalid Scans": "2",
        }


class TestSalesByEvent:
    def test_adds_up_an_events_days_in_each_currency(self, evening: None, make: Make) -> None:
        sell(TONIGHT, 2, "50", days=3)
        sell(TONIGHT, 1, "9", currency="USD", days=1)

        assert rows(make, "sales-by-event") == [
            [TONIGHT, AFRO, "EUR", "5", "125.0000", "2", "2025-06-01", "2025-06-04"],
            [TONIGHT, AFRO, "USD", "1", "9.0000", "1", "2025-06-02", "2025-06-02"],
        ]


class TestGateActivity:
    def test_counts_outcomes_by_hour_and_gate(self, evening: None, make: Make) -> None:
        assert rows(make, "gate-activity") == [
            ["2025-06-01T20:00:00.000000Z", TONIGHT, AFRO, NORTH, "2", "2", "0", "0"],
            ["2025-06-01T20:00:00.000000Z", TONIGHT, AFRO, SOUTH, "1", "0", "0", "1"],
            ["2025-06-01T20:00:00.000000Z", "", "Unknown", SOUTH, "1", "0", "0", "1"],
            ["2025-06-01T21:00:00.000000Z", TONIGHT, AFRO, SOUTH, "1", "0", "1", "0"],
        ]
        assert figures(make, "gate-activity") == {
            "Scans": "5",
            "Admitted": "2",
            "Duplicates": "1",
            "Refused": "2",
        }

    def test_of_chosen_events_leaves_out_what_belongs_to_none(self, evening: None, make: Make) -> None:
        assert {row[1] for row in rows(make, "gate-activity", event_ids=(TONIGHT,))} == {TONIGHT}


class TestRefusedScans:
    def test_counts_reasons_at_each_gate(self, evening: None, make: Make) -> None:
        assert [row[:5] for row in rows(make, "refused-scans")] == [
            ["invalid_signature", TONIGHT, AFRO, SOUTH, "1"],
            ["malformed", "", "Unknown", SOUTH, "1"],
        ]
        assert figures(make, "refused-scans")["Refused Scans"] == "2"

    def test_leaves_out_attempts_that_no_scan_made(self, evening: None, make: Make) -> None:
        invalid_attempt(event_id=TONIGHT)

        assert figures(make, "refused-scans")["Refused Scans"] == "2"


class TestDuplicates:
    def test_show_where_and_when_a_ticket_was_shown_again_and_let_in(self, evening: None, make: Make) -> None:
        assert rows(make, "duplicates") == [
            [
                "2025-06-01T21:10:00.000000Z",
                TONIGHT,
                AFRO,
                "ada",
                SOUTH,
                "scanner 1",
                "2025-06-01T20:00:00.000000Z",
                NORTH,
                "scanner 1",
            ]
        ]
        assert figures(make, "duplicates") == {"Duplicate Scans": "1", "Tickets Shown Again": "1"}


class TestTransfers:
    def test_show_who_gave_what_to_whom(self, evening: None, make: Make) -> None:
        given, failed = rows(make, "transfers")

        assert given[1:8] == [TONIGHT, AFRO, "TKT-001", "ada", "ben", "successful", ""]
        assert failed[6:8] == ["failed", "offer expired"]
        assert figures(make, "transfers") == {"Transfers": "2", "Successful": "1", "Failed": "1"}


class TestReconciliation:
    def test_sets_all_that_was_sold_so_far_against_who_came(self, evening: None, make: Make) -> None:
        assert rows(make, "reconciliation") == [[TONIGHT, AFRO, "", "4", "2", "2", "0.5000", "0"]]

    def test_counts_who_came_without_a_sale(self, lodz: Event, make: Make) -> None:
        scan(ticket("ada", event=LODZ))

        assert rows(make, "reconciliation")[0][3:] == ["0", "1", "0", "", "1"]

    def test_lists_an_event_that_starts_in_the_period_and_to_which_nobody_came(
        self, tonight: Event, make: Make
    ) -> None:
        Event.objects.update(starts_at=EIGHT)
        sell(TONIGHT, 2, "50", days=-40)

        assert rows(make, "reconciliation") == [
            [TONIGHT, AFRO, "2025-06-01T20:00:00.000000Z", "2", "0", "2", "1.0000", "0"]
        ]

    def test_is_stale_after_a_sale_before_the_period(self, evening: None, make: Make) -> None:
        before = make("reconciliation").data_version
        sell(TONIGHT, 1, "20", days=-50)

        assert make("reconciliation").data_version != before


def reject(run: Any, *reasons: str) -> None:
    """Record rows that the run rejected, as the ETL would."""
    for number, reason in enumerate(reasons):
        model("etl.RejectedRow")._default_manager.create(
            source="upstream",
            endpoint="sales",
            run=run,
            upstream_id=str(number),
            payload={},
            payload_hash=f"{run.pk} {number}",
            field="amount",
            reason=reason,
            first_rejected_at=EIGHT,
            last_rejected_at=EIGHT,
        )


class TestEtlRuns:
    def test_show_the_rejects_of_each_run_by_reason(self, tonight: Event, make: Make) -> None:
        run = etl_run(read_count=4, inserted_count=1, rejected_count=3, outcome="too_many_rejects")
        reject(run, "not a number", "not a number", "no such currency")

        row = rows(make, "etl-runs")[0]

        assert (row[0], row[5:11]) == (str(run.pk), ["too_many_rejects", "4", "1", "0", "0", "3"])
        assert row[11] == "amount: not a number (2); amount: no such currency (1)"
        assert figures(make, "etl-runs")["Runs Not Done"] == "1"

    def test_name_the_ten_most_frequent_reasons_and_count_the_others(
        self, tonight: Event, make: Make
    ) -> None:
        many, few = etl_run(), etl_run()
        reject(many, *(f"{number:02}" for number in range(12)), "11")
        reject(few, *(f"{number:02}" for number in range(10)))

        many_reasons, few_reasons = (row[11] for row in rows(make, "etl-runs"))

        named = [f"amount: {number:02} (1)" for number in range(9)]
        assert many_reasons == "; ".join(["amount: 11 (2)", *named, "and 2 more"])
        assert few_reasons == "; ".join([*named, "amount: 09 (1)"])

    def test_stay_fresh_when_a_run_of_another_month_rejects(self, tonight: Event, make: Make) -> None:
        of_may = etl_run(started_at=EIGHT - timedelta(days=20))
        before = make("etl-runs").data_version
        reject(of_may, "not a number")

        assert make("etl-runs").data_version == before

    def test_are_stale_when_one_of_them_rejects(self, tonight: Event, make: Make) -> None:
        run = etl_run()
        before = make("etl-runs").data_version
        reject(run, "not a number")

        assert make("etl-runs").data_version != before


# Figures that are the sum of a column, by their label.
SUMS = {
    "daily-sales": {"Total Sales": "tickets_sold"},
    "sales-by-event": {"Total Sales": "tickets_sold"},
    "gate-activity": {
        "Scans": "scan_count",
        "Admitted": "admitted_count",
        "Duplicates": "duplicate_count",
        "Refused": "refused_count",
    },
    "refused-scans": {"Refused Scans": "refused_count"},
    "reconciliation": {"Sold": "sold_count", "Admitted": "admitted_count"},
    "etl-runs": {"Read": "read_count", "Rejected": "rejected_count"},
}


class TestEveryReport:
    @pytest.mark.parametrize("slug", REPORTS)
    def test_has_as_many_rows_as_it_expected(self, evening: None, make: Make, slug: str) -> None:
        made = make(slug)

        assert made.row_count == made.row_total == len(made.preview.rows)

    @pytest.mark.parametrize("slug", SUMS)
    def test_totals_equal_the_sums_of_the_rows(self, evening: None, make: Make, slug: str) -> None:
        for number in range(3):
            sell(LODZ, number + 1, "10.10", currency="PLN", days=number)
            scan(ticket("ola", event=LODZ), minutes=number)
            etl_run(read_count=number + 5, rejected_count=number)

        shown = figures(make, slug)

        sums = {label: sum(int(row[name]) for row in cells(make, slug)) for label, name in SUMS[slug].items()}
        assert {label: shown[label] for label in sums} == {label: str(total) for label, total in sums.items()}
        assert any(sums.values())

    @pytest.mark.parametrize("slug", ["daily-sales", "sales-by-event"])
    def test_totals_money_as_the_sum_of_the_rows_in_each_currency(
        self, evening: None, make: Make, slug: str
    ) -> None:
        for days in range(3):
            sell(LODZ, 1, "10.10", currency="PLN", days=days)
            sell(TONIGHT, -1, "-20.05", days=days + 1)
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for row in cells(make, slug):
            sums[row["currency"]] += Decimal(row["revenue"])

        shown = [value for label, value in make(slug).preview.figures if label == "Total Revenue"]

        assert shown == [f"{sums[currency]} {currency}" for currency in ("EUR", "PLN")]
        assert set(sums) == {"EUR", "PLN"}

    @pytest.mark.parametrize(
        ("slug", "label"),
        [("duplicates", "Duplicate Scans"), ("transfers", "Transfers"), ("etl-runs", "Runs")],
    )
    def test_counts_its_rows(self, evening: None, make: Make, slug: str, label: str) -> None:
        etl_run()

        assert figures(make, slug)[label] == str(len(rows(make, slug))) != "0"

    @pytest.mark.parametrize("slug", REPORTS)
    @pytest.mark.parametrize("file_format", FileFormat.values)
    def test_can_be_made_in_every_format(
        self, evening: None, make: Make, slug: str, file_format: str
    ) -> None:
        made = make(slug, FileFormat(file_format))

        assert made.preview.columns == [column.heading for column in REPORTS[slug].columns]
        assert made.size_bytes > 0

    @pytest.mark.parametrize("slug", ["daily-sales", "gate-activity", "refused-scans", "reconciliation"])
    def test_that_reads_scans_is_stale_after_a_scan(self, evening: None, make: Make, slug: str) -> None:
        before = make(slug).data_version
        scan(forged("mallory", event=TONIGHT), minutes=30)

        assert make(slug).data_version != before

    def test_is_stale_after_a_refused_scan_of_no_known_event(self, evening: None, make: Make) -> None:
        before = make("refused-scans").data_version
        scan("no ticket either", minutes=30)

        assert make("refused-scans").data_version != before

    def test_is_stale_after_a_ticket_was_shown_again(self, evening: None, make: Make) -> None:
        before = make("duplicates")
        scan(ticket("ben", event=TONIGHT), minutes=30)

        after = make("duplicates")

        assert after.data_version != before.data_version
        assert after.row_count == before.row_count + 1

    def test_of_etl_runs_is_stale_after_a_run_its_end_and_a_reject(self, tonight: Event, make: Make) -> None:
        versions = [make("etl-runs").data_version]

        run = etl_run(outcome="running", finished_at=None)
        versions.append(make("etl-runs").data_version)
        model("etl.Run")._default_manager.update(outcome="done", finished_at=EIGHT)
        versions.append(make("etl-runs").data_version)
        model("etl.RejectedRow")._default_manager.create(
            source="upstream",
            endpoint="sales",
            run=run,
            payload={},
            first_rejected_at=EIGHT,
            last_rejected_at=EIGHT,
        )
        versions.append(make("etl-runs").data_version)

        assert len(set(versions)) == len(versions)

    def test_is_stale_after_a_transfer(self, evening: None, make: Make) -> None:
        before = make("transfers").data_version
        transfer(event_id=TONIGHT, transfer_id=uuid.uuid4(), minutes=40)

        assert make("transfers").data_version != before

    def test_cuts_days_in_utc(self, lodz: Event, make: Make) -> None:
        midnight = datetime(2025, 7, 1, tzinfo=UTC)
        minutes = int((midnight - EIGHT) / timedelta(minutes=1))
        transfer(event_id=TONIGHT, minutes=minutes - 1)
        transfer(event_id=TONIGHT, minutes=minutes)

        assert [row[0] for row in rows(make, "transfers")] == ["2025-06-30T23:59:00.000000Z"]


def chart(slug: str, days: int) -> Chart:
    """Return the report's chart of so many days from June's first on."""
    parameters = Parameters(start=JUNE.start, end=JUNE.start + timedelta(days=days))
    with db.get_engine().connect() as connection:
        drawn = find(slug).chart(connection, parameters)
    assert drawn is not None
    return drawn


class TestAChartOverTime:
    @pytest.mark.parametrize(
        ("days", "span", "labels"),
        [
            (31, "day", ["2025-06-01", "2025-06-02", "2025-07-01"]),
            # The first of June is a Sunday.
            (32, "week from Monday", ["2025-05-26", "2025-06-02", "2025-06-30"]),
            (365, "month", ["2025-06", "2025-07", "2026-05"]),
            (1_000, "year", ["2025", "2026", "2028"]),
        ],
    )
    def test_shows_the_whole_period_and_says_what_a_bar_is(
        self, tonight: Event, days: int, span: str, labels: list[str]
    ) -> None:
        for day in range(days):
            sell(TONIGHT, 2, "1", days=day)

        drawn = chart("daily-sales", days)

        assert drawn.title == f"Tickets sold by {span}"
        assert [*drawn.labels[:2], drawn.labels[-1]] == labels
        assert sum(drawn.values) == 2 * days

    def test_of_transfers_does_so_too(self, tonight: Event) -> None:
        for day in range(40):
            transfer(event_id=TONIGHT, transfer_id=uuid.uuid4(), minutes=day * 24 * 60)

        drawn = chart("transfers", 40)

        assert (drawn.title, sum(drawn.values)) == ("Transfers by week from Monday (UTC)", 40)


class TestCatalogue:
    def test_says_which_reports_there_are(self) -> None:
        with pytest.raises(UnknownReport, match="no report 'sales': there are daily-sales, sales-by-event"):
            find("sales")

    @pytest.mark.parametrize("event_ids", [None, (), (TONIGHT, LODZ)])
    def test_stores_parameters_so_that_they_come_back(self, event_ids: tuple[str, ...] | None) -> None:
        parameters = Parameters(start=JUNE.start, end=JUNE.end, event_ids=event_ids)

        assert parameters_from_json(parameters_to_json(parameters)) == parameters

    @pytest.mark.parametrize(
        "stored",
        [
            {},
            {"start": "2025-06-01", "end": "2025-07-01"},
            {"start": "June", "end": "2025-07-01", "event_ids": None},
            {"start": "2025-06-01", "end": "2025-07-01", "event_ids": "tonight"},
        ],
    )
    def test_never_widens_parameters_that_it_cannot_read(self, stored: dict[str, Any]) -> None:
        with pytest.raises(UnreadableParameters):
            parameters_from_json(stored)
