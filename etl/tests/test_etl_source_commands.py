"""`manage.py etl check-source` and `diff`: they look and store nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import override_settings

from etl.models import RawSale, Run
from etl.tests.command import etl, json_lines, sales
from etl.tests.held_upstream import TOKEN, HeldUpstream, served


@pytest.fixture
def upstream() -> Iterator[HeldUpstream]:
    with override_settings(ETL_SOURCE_TOKEN=TOKEN), served(HeldUpstream(sales=sales(15))) as upstream:
        yield upstream


class TestCheckSource:
    def test_prints_a_line_for_each_thing_that_worked(self, upstream: HeldUpstream) -> None:
        ended = etl("check-source", "--source", upstream.address)

        assert ended.code == 0, ended.error
        assert len(ended.output.splitlines()) >= 2
        assert all(line.startswith("ok ") for line in ended.output.splitlines())

    def test_ends_with_1_and_the_cure_without_the_token(self, upstream: HeldUpstream) -> None:
        with override_settings(ETL_SOURCE_TOKEN=""):
            ended = etl("check-source", "--source", upstream.address)

        assert ended.code == 1
        assert "401" in ended.error

    def test_takes_the_source_of_the_settings(self, upstream: HeldUpstream) -> None:
        with override_settings(ETL_SOURCE_URL=upstream.address):
            assert etl("check-source").code == 0


@pytest.mark.django_db(transaction=True)
class TestDiff:
    def test_says_what_a_run_would_do_and_does_nothing(self, tmp_path: Path) -> None:
        path = tmp_path / "sales.jsonl"
        etl("run", "--source", json_lines(path, sales(3)))
        json_lines(path, [*sales(2), *sales(3, quantity=5)[2:], *sales(5)[3:], *sales(6, quantity=-1)[5:]])

        after = etl("diff", "--source", path, "--full", "--json").records[-1]

        assert after == {"table": "raw_sales", "insert": 2, "update": 1, "unchanged": 2, "rejected": 1}
        assert (RawSale.objects.count(), Run.objects.count()) == (3, 1)

    def test_is_a_table_for_people(self, tmp_path: Path) -> None:
        output = etl("diff", "--source", json_lines(tmp_path / "sales.jsonl", sales(3))).output

        assert "What a run over file would do (incremental)" in output
        assert "raw_sales" in output

    def test_of_a_source_that_fails_ends_with_1(self, upstream: HeldUpstream) -> None:
        upstream.status = 403

        ended = etl("diff", "--source", upstream.address)

        assert (ended.code, "403" in ended.error) == (1, True)
