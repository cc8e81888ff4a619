"""GET /stats/scans, /stats/transfers, /stats/invalid-attempts."""

import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from django.db import connection

from analytics.tests.conftest import NORTH, TONIGHT, Call, forged, invalid_attempt, scan, ticket, transfer


def forget_indexes() -> None:
    """Let Postgres read whole tables until the end of the test's transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off")


class Listing(NamedTuple):
    path: str
    key: str
    happens: Callable[..., object]


LISTINGS = [
    Listing("/stats/scans", "scan_id", scan),
    Listing("/stats/transfers", "transfer_id", transfer),
    Listing("/stats/invalid-attempts", "attempt_id", invalid_attempt),
]


@pytest.mark.usefixtures("tonight")
@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing.key)
class TestAList:
    def test_is_newest_first(self, get: Call, listing: Listing) -> None:
        for minutes in (1, 3, 2):
            listing.happens(minutes=minutes)

        listed = get(listing.path).json()

        assert [fact["received_at"][14:16] for fact in listed["data"]] == ["03", "02", "01"]
        assert all(uuid.UUID(fact[listing.key]) for fact in listed["data"])

    def test_says_what_was_asked(self, get: Call, listing: Listing) -> None:
        listed = get(listing.path, event_id=TONIGHT, from_ts="2025-06-01T20:00:00+01:00", limit=7).json()

        assert listed == {
            "event_id": TONIGHT,
            "data": [],
            "total": 0,
            "page": 1,
            "limit": 7,
            "from_ts": "2025-06-01T19:00:00Z",
            "to_ts": None,
        }

    def test_goes_page_by_page(self, get: Call, listing: Listing) -> None:
        # All at one instant, and read without the index that happens to be in order.
        for _ in range(5):
            listing.happens()
        forget_indexes()

        pages = [get(listing.path, page=page, limit=2).json() for page in (1, 2, 3, 4)]

        assert [len(page["data"]) for page in pages] == [2, 2, 1, 0]
        assert {page["total"] for page in pages} == {5}
        ids = [fact[listing.key] for page in pages for fact in page["data"]]
        assert ids == sorted(set(ids), reverse=True)

    def test_has_a_hundred_on_a_page(self, get: Call, listing: Listing) -> None:
        for minutes in range(101):
            listing.happens(minutes=minutes)

        listed = get(listing.path).json()

        assert (len(listed["data"]), listed["total"], listed["limit"]) == (100, 101, 100)

    def test_is_of_one_event(self, get: Call, listing: Listing) -> None:
        listing.happens()

        assert get(listing.path, event_id=TONIGHT).json()["total"] == 1
        assert get(listing.path, event_id="nobody knows").json()["total"] == 0

    def test_starts_at_from_ts_and_ends_before_to_ts(self, get: Call, listing: Listing) -> None:
        for minutes in range(4):
            listing.happens(minutes=minutes)

        listed = get(listing.path, from_ts="2025-06-01T20:01:00Z", to_ts="2025-06-01T20:03:00Z").json()

        assert [fact["received_at"][14:16] for fact in listed["data"]] == ["02", "01"]

    @pytest.mark.parametrize(
        ("query", "cure"),
        [
            ({"page": 0}, "greater than or equal to 1"),
            ({"page": 10**30}, "less than or equal to 1000000"),
            ({"limit": 0}, "greater than or equal to 1"),
            ({"limit": 1001}, "less than or equal to 1000"),
            ({"from_ts": "2025-06-01T20:00:00"}, "has no time zone"),
            ({"from_ts": "2025-06-01T20:00:00 01:00"}, "in a URL, write + as %2B"),
            ({"from_ts": "2025-06-02T00:00:00Z", "to_ts": "2025-06-01T00:00:00Z"}, "swap them"),
            ({"event_id": "a\x00b"}, "match pattern"),
        ],
        ids=str,
    )
    def test_refuses_a_question_with_the_cure(
        self, get: Call, listing: Listing, query: Any, cure: str
    ) -> None:
        answer = get(listing.path, **query)

        assert answer.status_code == 422
        assert cure in answer.json()["detail"][0]["msg"]


@pytest.mark.usefixtures("tonight")
class TestTheListOfScans:
    def test_shows_each_scan_whole(self, get: Call) -> None:
        scan_id = uuid.uuid4()
        scan(scan_id=scan_id)

        assert get("/stats/scans").json()["data"] == [
            {
                "scan_id": str(scan_id),
                "event_id": TONIGHT,
                "ticket_id": "TKT-001",
                "outcome": "admitted",
                "reason": None,
                "is_genuine": True,
                "gate": NORTH,
                "scanner_id": "scanner 1",
                "scanned_at": "2025-06-01T20:00:00Z",
                "received_at": "2025-06-01T20:00:00Z",
                "is_offline": False,
                "is_forced": False,
            }
        ]

    def test_holds_refused_scans_of_unknown_events(self, get: Call) -> None:
        scan(ticket())
        scan(forged(event="nobody knows"))

        assert get("/stats/scans").json()["total"] == 2
        assert get("/stats/scans", event_id=TONIGHT).json()["total"] == 1


@pytest.mark.usefixtures("tonight")
class TestTheListOfInvalidAttempts:
    def test_names_the_refused_scan_that_made_one(self, get: Call) -> None:
        scan_id = scan(forged()).scan.scan_id
        invalid_attempt(minutes=1)

        reported, refused = get("/stats/invalid-attempts").json()["data"]

        assert (reported["reason"], reported["scan_id"]) == ("screenshot", None)
        assert (refused["reason"], refused["scan_id"]) == ("invalid_signature", str(scan_id))


@pytest.mark.usefixtures("tonight")
class TestAPage:
    def test_is_two_statements(self, get: Call, statements_sent: Callable[[], list[str]]) -> None:
        get("/stats/scans")

        assert len(statements_sent()) == 2
