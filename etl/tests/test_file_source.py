"""A file is read a page at a time, whatever its form; an unreadable line is rejected with its number."""

import gzip
import io
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from etl.rows import Endpoint, Page
from etl.sources import SourceSpec, lines, open_source
from etl.sources.contract import SourceFailed
from etl.tests.upstream_rows import TONIGHT, sent

SAMPLES = Path(__file__).parent / "samples"
HEADER = b"sale_id,event_id,total_amount,currency,sale_date\n"
SALE = b"S-1,EV-TONIGHT,50.00,EUR,2026-05-31\n"


def pages(path: Path | str, *, resume: str = "", since: datetime | None = None, **spec: Any) -> list[Page]:
    """Return the pages of a file of sales, or of what `spec` says."""
    source = open_source(SourceSpec(address=str(path), **spec))
    return list(source.pages(spec.get("endpoint", Endpoint.SALES), since=since, resume=resume))


def written(folder: Path, content: bytes) -> Path:
    path = folder / "sales"
    path.write_bytes(content)
    return path


def json_lines(*rows: Any) -> bytes:
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)


def ids(read: list[Page]) -> list[list[str]]:
    return [[row[0] for row in page.rows] for page in read]


def faults(read: list[Page]) -> list[tuple[str, str]]:
    return [(row.field, row.reason) for page in read for row in page.rejections]


class TestJsonLines:
    def test_are_read_and_rejected_line_by_line(self) -> None:
        (page,) = pages(SAMPLES / "sales.jsonl")

        assert ids([page]) == [["S-1", "2", "5"]]
        assert [row[2:5] for row in page.rows] == [
            ("sale", 2, Decimal(50)),
            ("sale", 0, Decimal(0)),
            ("refund", 1, Decimal(25)),
        ]
        assert [(row.upstream_id, row.field) for row in page.rejections] == [("3", "created_at"), ("", "")]
        assert page.rejections[1].payload == {"line": 5, "text": '{"id": 4, "eventId":'}
        assert page.rejections[1].reason.startswith("line 5 is not JSON")

    def test_with_an_undecodable_line_lose_that_line_alone(self, tmp_path: Path) -> None:
        content = json_lines(sent()) + b'{"sale_id": "\xff"}\n' + json_lines(sent(sale_id="S-3"))

        read = pages(written(tmp_path, content))

        assert ids(read) == [["S-1", "S-3"]]
        assert faults(read) == [("", "line 2 is not UTF-8 from byte 14 on")]
        assert read[0].rejections[0].payload == {"line": 2, "text": '{"sale_id": "\\xff"}'}

    @pytest.mark.parametrize(
        "odd", [json_lines(sent()).strip() * 2, b"{} {}", b'{"a":1},{"a":2}', b"7", b'"row"', b"null"]
    )
    def test_hold_one_row_each(self, tmp_path: Path, odd: bytes) -> None:
        read = pages(written(tmp_path, json_lines(sent()) + odd + b"\n" + json_lines(sent(sale_id="S-3"))))

        assert (ids(read), len(faults(read))) == ([["S-1", "S-3"]], 1)

    def test_that_are_too_long_are_rejected_without_being_read_whole(self, tmp_path: Path) -> None:
        endless = b'{"sale_id": "' + b"x" * 3 * lines.MAXIMUM_BYTES + b'"}\n'

        read = pages(written(tmp_path, endless + json_lines(sent())))

        assert ids(read) == [["S-1"]]
        ((_, reason),) = faults(read)
        assert reason.startswith("line 1 is longer than 1048576 bytes")

    def test_of_events_are_events(self, tmp_path: Path) -> None:
        path = written(tmp_path, json_lines({"id": TONIGHT, "title": "Tonight"}))

        assert ids(pages(path, endpoint=Endpoint.EVENTS)) == [[TONIGHT]]

    def test_in_one_json_list_are_refused_with_the_cure(self, tmp_path: Path) -> None:
        with pytest.raises(SourceFailed, match="is a JSON list: write its rows one in each line"):
            pages(written(tmp_path, b'[{"sale_id": 1}]'))
        with pytest.raises(SourceFailed, match="rows over many lines"):
            pages(written(tmp_path, b'{\n "sale_id": 1\n}'))


class TestCsv:
    def test_is_read_and_rejected_row_by_row(self) -> None:
        (page,) = pages(SAMPLES / "sales.csv")

        assert [row[:5] for row in page.rows] == [
            ("S-1", TONIGHT, "sale", 2, Decimal("50.00")),
            ("S-2", TONIGHT, "sale", 0, Decimal(0)),
            ("S-4", TONIGHT, "cancelled", 1, Decimal("12.50")),
        ]
        assert [(row.field, row.reason[:8], row.upstream_id) for row in page.rejections] == [
            ("unit_price", "'12,50' ", "S-3")
        ]
        assert page.rejections[0].payload["unit_price"] == "12,50"

    @pytest.mark.parametrize("delimiter", [b",", b";", b"\t"])
    @pytest.mark.parametrize("end", [b"\n", b"\r\n"])
    @pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
    def test_has_its_delimiter_line_ends_and_mark_found(
        self, tmp_path: Path, delimiter: bytes, end: bytes, mark: bytes
    ) -> None:
        content = (HEADER + SALE).replace(b",", delimiter).replace(b"\n", end)

        assert ids(pages(written(tmp_path, mark + content))) == [["S-1"]]

    @pytest.mark.parametrize(
        ("odd", "reason"),
        [
            (b"S-2,EV-TONIGHT\n", "line 3 has 2 cells, the header 5"),
            (b'S-2,"EV"x,1,EUR,2026-05-31\n', "line 3 is not CSV"),
            (b"S-2,\xff,1,EUR,2026-05-31\n", "line 3 is not UTF-8 from byte 5 on"),
            (b"S-2," + b"x" * 3 * lines.MAXIMUM_BYTES + b"\n", "line 3 is longer than 1048576 bytes"),
        ],
    )
    def test_with_an_odd_line_loses_that_line_alone(self, tmp_path: Path, odd: bytes, reason: str) -> None:
        read = pages(written(tmp_path, HEADER + SALE + odd + b"\n" + SALE.replace(b"S-1", b"S-4")))

        assert ids(read) == [["S-1", "S-4"]]
        assert [told_reason.startswith(reason) for _, told_reason in faults(read)] == [True]
        assert read[0].rejections[0].payload["line"] == 3

    def test_with_a_quote_that_never_ends_says_which_lines_it_took(self, tmp_path: Path) -> None:
        read = pages(written(tmp_path, HEADER + b'"S-2,' + SALE * 3))

        assert faults(read)[0][1].startswith("line 2 to 4 is not CSV")

    def test_without_a_header_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(SourceFailed, match="the first line names no column of sales: it has 'S-1, EV"):
            pages(written(tmp_path, SALE))

    def test_with_a_column_twice_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(SourceFailed, match="names a column twice"):
            pages(written(tmp_path, b"sale_id,sale_id\n"))


@pytest.mark.parametrize("form", ["sales.csv", "sales.jsonl"])
class TestAnyForm:
    def test_may_be_packed(self, tmp_path: Path, form: str) -> None:
        packed = written(tmp_path, gzip.compress((SAMPLES / form).read_bytes()))

        assert ids(pages(packed)) == ids(pages(SAMPLES / form))

    def test_may_come_from_standard_input(self, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
        packed = gzip.compress((SAMPLES / form).read_bytes())
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(packed))))

        (page,) = pages("-")

        assert (ids([page]), page.reference) == (ids(pages(SAMPLES / form)), "")

    def test_is_read_a_page_at_a_time(self, form: str) -> None:
        whole, parts = pages(SAMPLES / form), pages(SAMPLES / form, page_size=2)

        assert [len(page.rows) + len(page.rejections) for page in parts][:-1] == [2] * (len(parts) - 1)
        assert [id_ for page in ids(parts) for id_ in page] == ids(whole)[0]

    def test_resumes_at_any_page(self, form: str) -> None:
        read = pages(SAMPLES / form, page_size=1)

        again = [pages(SAMPLES / form, page_size=1, resume=page.reference) for page in read]

        assert again == [read[index:] for index in range(len(read))]

    def test_leaves_out_what_is_older(self, form: str) -> None:
        (page,) = pages(SAMPLES / form, since=datetime(2026, 5, 31, 12, tzinfo=UTC))

        assert ids([page]) == [["S-1"]]
        assert page.first_at == page.cursor_at == datetime(2026, 5, 31, 19, 30, tzinfo=UTC)

    def test_is_no_file_of_another_endpoint(self, form: str) -> None:
        source = open_source(SourceSpec(address=str(SAMPLES / form)))

        assert list(source.pages(Endpoint.EVENTS)) == []

    def test_is_checked(self, form: str) -> None:
        source = open_source(SourceSpec(address=str(SAMPLES / form)))

        (line,) = source.check()

        assert "rows in the first page" in line
        assert "of them rejected" in line


class TestFile:
    @pytest.mark.parametrize("content", [b"", b"\n \n", HEADER])
    def test_without_rows_has_no_pages(self, tmp_path: Path, content: bytes) -> None:
        assert pages(written(tmp_path, content)) == []

    def test_that_is_none_is_refused_with_the_cure(self, tmp_path: Path) -> None:
        with pytest.raises(SourceFailed, match=r"there is no file .*: give a path"):
            open_source(SourceSpec(address=str(tmp_path / "missing.csv")))
        with pytest.raises(SourceFailed, match="is a folder: name a file in it"):
            open_source(SourceSpec(address=str(tmp_path)))

    def test_that_is_damaged_is_reported(self, tmp_path: Path) -> None:
        packed = gzip.compress(json_lines(*[sent(sale_id=number) for number in range(1000)]))

        with pytest.raises(SourceFailed, match="is damaged gzip"):
            pages(written(tmp_path, packed[:-100]))

    def test_in_utf_16_is_refused_with_the_cure(self, tmp_path: Path) -> None:
        with pytest.raises(SourceFailed, match="is UTF-16: save it as UTF-8"):
            pages(written(tmp_path, (HEADER + SALE).decode().encode("utf-16")))

    def test_of_another_source_has_no_such_line(self) -> None:
        with pytest.raises(SourceFailed, match="is not the number of a line"):
            pages(SAMPLES / "sales.csv", resume="/api/ticket-sales?page=2")

    def test_on_standard_input_is_left_for_the_run(self) -> None:
        (line,) = open_source(SourceSpec(address="-")).check()

        assert "read by a run only" in line
