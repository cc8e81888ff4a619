"""Rejected rows are kept whole, once, until they are loaded after all."""

from datetime import timedelta
from typing import Any

import pytest

from etl import limits
from etl.loading.load import Counts
from etl.models import RejectedRow
from etl.rows import Rejection
from etl.tests.cast import NOON, UPSTREAM, ListSource, load, rejection, run, sale, stored

pytestmark = pytest.mark.django_db


class TestARejectedRow:
    def test_is_kept_with_its_run_field_and_reason(self) -> None:
        ended = run(ListSource([rejection()]))

        kept = RejectedRow.objects.get()
        assert (kept.source, kept.endpoint, kept.run_id) == (UPSTREAM, "sales", ended.pk)
        assert (kept.upstream_id, kept.field, kept.reason) == ("S-9", "quantity", "-1 is negative")
        assert kept.payload == {"sale_id": "S-9", "quantity": -1}

    def test_is_counted_beside_the_rows_of_its_page(self) -> None:
        assert load(sale(), rejections=[rejection()]) == Counts(read=2, inserted=1, rejected=1)

    def test_that_is_read_again_is_counted_once_more(self) -> None:
        load(rejections=[rejection()])

        load(rejections=[rejection(), rejection()])

        assert RejectedRow.objects.get().seen_count == 3

    def test_is_resolved_when_it_is_loaded_after_all(self) -> None:
        load(rejections=[rejection("S-1"), rejection("S-2")])

        load(sale("S-1"))

        assert RejectedRow.objects.get(upstream_id="S-1").resolved_at is not None
        assert RejectedRow.objects.get(upstream_id="S-2").resolved_at is None

    def test_that_comes_back_is_open_again(self) -> None:
        load(rejections=[rejection("S-1")])
        load(sale("S-1"))

        load(rejections=[rejection("S-1")])

        assert RejectedRow.objects.get().resolved_at is None

    def test_in_a_new_version_leaves_the_old_one_loaded(self) -> None:
        load(sale())

        load(sale("S-2", updated_at=NOON + timedelta(1)), rejections=[rejection("S-1")])

        assert (stored().quantity, RejectedRow.objects.get().resolved_at) == (2, None)

    @pytest.mark.parametrize(
        "payload",
        [
            {"name": "nul \x00 and \\u0000 and \\\x00"},
            {"name": "half a pair \ud800"},
            {"price": float("nan")},
            ["a list", 1, None],
            "text",
            None,
        ],
    )
    def test_may_hold_what_postgres_cannot(self, payload: Any) -> None:
        rejected = Rejection(payload=payload, upstream_id="\x00", field="name", reason="why\x00")

        load(rejections=[rejected])
        load(rejections=[rejected])

        assert RejectedRow.objects.get().seen_count == 2

    def test_of_any_length_is_kept_as_far_as_there_is_room(self) -> None:
        rejected = Rejection({"name": "x" * limits.PAYLOAD}, "x" * 999, "x" * 999, "x" * 999)

        load(rejections=[rejected])

        kept = RejectedRow.objects.get()
        assert kept.payload.startswith('{"name": "xxx')
        assert len(kept.payload) == limits.PAYLOAD
