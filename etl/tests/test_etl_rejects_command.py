"""`manage.py etl rejects`: what could not be loaded is found, understood, cured and loaded."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from etl import limits
from etl.lease import leased
from etl.models import DailyTicketSales, RawSale, RejectedRow
from etl.tests.command import Ended, etl, json_lines, sales


def load(tmp_path: Path, *rows: dict[str, Any]) -> Ended:
    """Load a file with these rows, however many of them are rejected."""
    return etl("run", "--source", json_lines(tmp_path / "sales.jsonl", list(rows)), "--max-rejects", "100%")


@pytest.fixture
def rejected(tmp_path: Path, transactional_db: None) -> list[RejectedRow]:
    """Two sales without a currency, and one with a negative quantity; two good ones are loaded."""
    good, without, negative = sales(2), sales(4, currency=None)[2:], sales(5, quantity=-1)[4:]
    load(tmp_path, *good, *without, *negative)
    return list(RejectedRow.objects.order_by("id"))


class TestTheList:
    def test_shows_the_field_and_the_reason(self, rejected: list[RejectedRow]) -> None:
        output = etl("rejects", "list").output

        assert "3 of 3 rejected rows" in output
        for row in rejected:
            assert row.field in output
            assert row.reason[:30] in output

    def test_is_narrowed_by_field_source_and_limit(self, rejected: list[RejectedRow]) -> None:
        assert "1 of 1" in etl("rejects", "list", "--field", rejected[-1].field).output
        assert "1 of 3" in etl("rejects", "list", "--limit", 1).output
        assert "no rejected rows" in etl("rejects", "list", "--source", "upstream").output

    def test_holds_resolved_rows_only_when_asked(self, rejected: list[RejectedRow]) -> None:
        RejectedRow.objects.filter(pk=rejected[0].pk).update(resolved_at=timezone.now())

        assert "2 of 2" in etl("rejects", "list").output
        assert "3 of 3" in etl("rejects", "list", "--all").output


class TestShow:
    def test_prints_the_row_as_the_source_sent_it(self, rejected: list[RejectedRow]) -> None:
        output = etl("rejects", "show", rejected[0].pk).output

        assert json.loads(output[output.index("{") :]) == rejected[0].payload
        assert f"reason:  {rejected[0].reason}" in output
        assert f"run {rejected[0].run_id}" in output

    @pytest.mark.django_db
    def test_of_a_row_that_is_not_there_ends_with_1(self) -> None:
        ended = etl("rejects", "show", 7)

        assert (ended.code, "no rejected row 7" in ended.error) == (1, True)


class TestRetry:
    def test_loads_what_the_settings_now_cure(self, rejected: list[RejectedRow]) -> None:
        with override_settings(ETL_CURRENCY="NGN"):
            ended = etl("rejects", "retry", *[row.pk for row in rejected[:2]])

        assert ended.code == 0, ended.error
        assert "2 loaded, 0 still rejected" in ended.output
        assert RawSale.objects.count() == 4
        assert DailyTicketSales.objects.get().tickets_sold == 8
        assert RejectedRow.objects.filter(resolved_at=None).count() == 1

    def test_ends_with_1_and_updates_the_reason_of_what_is_still_rejected(
        self, rejected: list[RejectedRow]
    ) -> None:
        RejectedRow.objects.update(reason="of the past")

        with override_settings(ETL_CURRENCY="NGN"):
            ended = etl("rejects", "retry", "--all")

        assert (ended.code, ended.output) == (1, "2 loaded, 1 still rejected\n")
        row = RejectedRow.objects.get(resolved_at=None)
        assert (row.pk, row.seen_count, row.run_id) == (rejected[2].pk, 1, rejected[2].run_id)
        assert "-1" in row.reason

    def test_loads_a_row_once_however_often_it_is_retried(self, rejected: list[RejectedRow]) -> None:
        with override_settings(ETL_CURRENCY="NGN"):
            etl("rejects", "retry", rejected[0].pk)
            ended = etl("rejects", "retry", rejected[0].pk)

        assert (ended.code, ended.output) == (0, "0 loaded, 0 still rejected\n")
        assert RawSale.objects.count() == 3

    def test_never_puts_an_old_version_over_a_newer_one(
        self, rejected: list[RejectedRow], tmp_path: Path
    ) -> None:
        newer = {
            **rejected[0].payload,
            "currency": "NGN",
            "quantity": 9,
            "updated_at": "2026-02-01T00:00:00Z",
        }
        load(tmp_path, newer)
        RejectedRow.objects.update(resolved_at=None)

        with override_settings(ETL_CURRENCY="NGN"):
            etl("rejects", "retry", rejected[0].pk)

        assert RawSale.objects.get(sale_id=newer["sale_id"]).quantity == 9

    def test_of_a_row_without_an_id_resolves_it(self, tmp_path: Path, transactional_db: None) -> None:
        [sale] = sales(1, currency=None)
        del sale["sale_id"]
        load(tmp_path, sale)

        with override_settings(ETL_CURRENCY="NGN"):
            ended = etl("rejects", "retry", "--all")

        assert (ended.code, RawSale.objects.count()) == (0, 1)
        assert RejectedRow.objects.get().resolved_at is not None

    def test_of_the_beginning_of_a_row_says_what_to_do(self, rejected: list[RejectedRow]) -> None:
        RejectedRow.objects.filter(pk=rejected[0].pk).update(payload="{" * limits.PAYLOAD)

        ended = etl("rejects", "retry", rejected[0].pk)

        assert ended.code == 1
        assert "`manage.py etl run --full`" in RejectedRow.objects.get(pk=rejected[0].pk).reason

    @pytest.mark.parametrize(
        "payload", [{"code": "A1", "positions": []}, {"slug": "tonight", "date_from": ""}]
    )
    def test_leaves_a_row_of_pretix_as_it_is(
        self, rejected: list[RejectedRow], payload: dict[str, Any]
    ) -> None:
        RejectedRow.objects.filter(pk=rejected[0].pk).update(payload=payload)

        ended = etl("rejects", "retry", rejected[0].pk)

        assert (ended.code, RejectedRow.objects.get(pk=rejected[0].pk).reason) == (1, rejected[0].reason)

    def test_of_a_row_that_is_not_there_ends_with_1(self, rejected: list[RejectedRow]) -> None:
        ended = etl("rejects", "retry", 10**9)

        assert (ended.code, "no rejected row 1000000000" in ended.error) == (1, True)

    @pytest.mark.parametrize("arguments", [[], [1, "--all"]])
    def test_wants_to_know_which_rows(self, arguments: list[Any]) -> None:
        assert etl("rejects", "retry", *arguments).code == 2

    def test_with_settings_that_cannot_be_right_changes_nothing(self, rejected: list[RejectedRow]) -> None:
        with override_settings(ETL_CURRENCY="naira"):
            ended = etl("rejects", "retry", "--all")

        assert ended.code == 1
        assert RejectedRow.objects.filter(resolved_at=None).count() == 3

    def test_is_refused_with_4_while_a_run_loads_the_source(self, rejected: list[RejectedRow]) -> None:
        with leased("file"):
            ended = etl("rejects", "retry", "--all")

        assert ended.code == 4

    def test_keeps_more_than_one_chunk_in_order(
        self, tmp_path: Path, transactional_db: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("etl.maintenance.retry.CHUNK", 2)
        load(tmp_path, *sales(5, currency=None))

        with override_settings(ETL_CURRENCY="NGN"):
            ended = etl("rejects", "retry", "--all")

        assert (ended.output, RawSale.objects.count()) == ("5 loaded, 0 still rejected\n", 5)


class TestPurge:
    def test_without_yes_says_how_many_and_deletes_none(self, rejected: list[RejectedRow]) -> None:
        ended = etl("rejects", "purge", rejected[0].pk)

        assert (ended.code, "1 rows would be deleted for ever" in ended.error) == (2, True)
        assert RejectedRow.objects.count() == 3

    def test_deletes_what_is_named(self, rejected: list[RejectedRow]) -> None:
        ended = etl("rejects", "purge", rejected[0].pk, "--yes")

        assert (ended.code, ended.output) == (0, "1 rejected rows deleted\n")
        assert set(RejectedRow.objects.all()) == set(rejected[1:])

    def test_deletes_what_was_resolved(self, rejected: list[RejectedRow]) -> None:
        RejectedRow.objects.filter(pk=rejected[1].pk).update(resolved_at=timezone.now())

        etl("rejects", "purge", "--resolved", "--yes")

        assert set(RejectedRow.objects.all()) == {rejected[0], rejected[2]}

    def test_deletes_what_is_old(self, rejected: list[RejectedRow]) -> None:
        long_ago = timezone.now() - timedelta(days=31)
        RejectedRow.objects.filter(pk=rejected[1].pk).update(last_rejected_at=long_ago)

        etl("rejects", "purge", "--older-than", 30, "--yes")

        assert set(RejectedRow.objects.all()) == {rejected[0], rejected[2]}

    def test_deletes_only_what_fits_everything_that_is_asked(self, rejected: list[RejectedRow]) -> None:
        etl("rejects", "purge", rejected[0].pk, "--resolved", "--yes")

        assert RejectedRow.objects.count() == 3

    def test_of_nothing_in_particular_is_refused(self) -> None:
        assert etl("rejects", "purge", "--yes").code == 2
