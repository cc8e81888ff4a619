"""The next page is found in every form in which an upstream may name it."""

from typing import Any

import pytest

from etl.sources.contract import SourceFailed
from etl.sources.pagination import next_reference, page_total


class TestNextReference:
    @pytest.mark.parametrize(
        "paging",
        [
            {"next_page": 3},
            {"nextPage": "3"},
            {"page": 2, "total_pages": 5},
            {"page": "2", "totalPages": "5"},
            {"totalPages": 5},
            {"page": 2, "has_more": True},
            {"hasMore": True},
            {"next_page": None, "hasMore": True},
            {"next_page": 3, "has_more": False},
        ],
    )
    @pytest.mark.parametrize("is_inside", [True, False])
    def test_is_the_third_page_after_the_second(self, paging: dict[str, Any], is_inside: bool) -> None:
        envelope = {"pagination": paging} if is_inside else paging

        assert next_reference(envelope, current="2") == "3"

    @pytest.mark.parametrize(
        "paging",
        [
            {},
            {"pagination": None},
            {"next_page": None},
            {"nextPage": ""},
            {"page": 5, "total_pages": 5},
            {"page": 1, "total_pages": 0},
            {"has_more": False},
            {"hasMore": 0},
        ],
    )
    def test_is_empty_after_the_last_page(self, paging: dict[str, Any]) -> None:
        assert next_reference({"pagination": None, **paging}, current="5") == ""
        assert next_reference({"pagination": paging}, current="5") == ""

    @pytest.mark.parametrize(
        "paging", ["/api/events?page=3", "https://tickets.example/events?page=3", "eyJwYWdlIjo"]
    )
    def test_is_a_url_or_a_token_as_it_was_sent(self, paging: str) -> None:
        assert next_reference({"next_page": paging}, current="2") == paging

    @pytest.mark.parametrize(
        "paging",
        [{"next_page": -1}, {"total_pages": "many"}, {"has_more": "maybe"}, {"next_page": {"number": 3}}],
    )
    def test_of_an_unknown_form_is_an_error(self, paging: dict[str, Any]) -> None:
        with pytest.raises(SourceFailed, match=next(iter(paging))):
            next_reference(paging, current="2")

    def test_after_a_page_without_a_number_must_be_named(self) -> None:
        with pytest.raises(SourceFailed, match="does not say where"):
            next_reference({"has_more": True}, current="eyJwYWdlIjo")


class TestPageTotal:
    def test_is_what_the_source_says(self) -> None:
        assert page_total({"pagination": {"totalPages": "12"}}) == 12
        assert page_total({"total_pages": 7}) == 7
        assert page_total({}) is None
