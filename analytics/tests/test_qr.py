"""The signed payload: signing, reading, and every text that is no ticket (S6)."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from analytics import limits, qr
from analytics.tests.conftest import TONIGHT, forged, ticket

LEGACY_PAYLOAD = {"ticket_id": "TKT-001", "event": "Afrobeats Live 2025", "user": "user_abc123"}
LEGACY_SIGNATURE = "f45404d5f7f4f42be28d7c10591d5289634ad425d0a8a905a26cf8f5c7285c74"

names = st.text(min_size=1, max_size=40).filter(lambda text: limits.is_storable(text, length=128))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=5,
)
payloads = st.builds(
    lambda more, ticket_id, event: {**more, "ticket_id": ticket_id, "event": event},
    st.dictionaries(st.text(max_size=10).filter(lambda name: name != "sig"), values, max_size=3),
    names,
    names,
)


class TestASignature:
    def test_is_the_one_that_the_legacy_service_made(self) -> None:
        assert qr.signature(LEGACY_PAYLOAD) == LEGACY_SIGNATURE

    def test_does_not_depend_on_the_order_of_the_fields(self) -> None:
        assert qr.signature(dict(reversed(LEGACY_PAYLOAD.items()))) == LEGACY_SIGNATURE

    @given(payloads)
    def test_makes_a_token_that_reads_back(self, payload: dict[str, Any]) -> None:
        reading = qr.read(qr.sign(payload))

        assert (reading.is_genuine, reading.reason, reading.payload) == (True, "", payload)
        assert (reading.ticket_id, reading.event_id) == (payload["ticket_id"], payload["event"])

    @given(payloads, st.text(max_size=10), values)
    def test_does_not_cover_an_added_field(self, payload: dict[str, Any], name: str, value: Any) -> None:
        signed = json.loads(qr.sign(payload))
        assume(name not in signed)

        assert qr.read(json.dumps({**signed, name: value})).reason == "invalid_signature"

    @given(payloads, names)
    def test_does_not_cover_another_ticket(self, payload: dict[str, Any], ticket_id: str) -> None:
        assume(ticket_id != payload["ticket_id"])

        assert qr.read(json.dumps({**json.loads(qr.sign(payload)), "ticket_id": ticket_id})).reason


class TestReading:
    def test_keeps_the_payload_without_its_signature(self) -> None:
        assert qr.read(ticket()).payload == {"ticket_id": "TKT-001", "event": TONIGHT, "user": "ada"}

    def test_accepts_spaces_and_another_order(self) -> None:
        signed = json.loads(ticket())

        assert qr.read(json.dumps(dict(reversed(signed.items())), indent=4)).is_genuine

    def test_of_a_forged_ticket_keeps_its_claims_but_no_payload(self) -> None:
        reading = qr.read(forged())

        assert (reading.reason, reading.payload) == ("invalid_signature", None)
        assert (reading.ticket_id, reading.event_id) == ("TKT-001", TONIGHT)

    def test_of_an_event_too_long_to_exist_claims_none(self) -> None:
        assert qr.read(forged(event="x" * 201)).event_id == ""

    @pytest.mark.parametrize("sig", [None, 1, [], {}], ids=repr)
    def test_of_a_payload_without_a_signature_says_unsigned(self, sig: object) -> None:
        assert qr.read(json.dumps({"ticket_id": "TKT-001", "sig": sig})).reason == "unsigned"

    @pytest.mark.parametrize("sig", ["", "ü", "\ud83c", "F" * 64, LEGACY_SIGNATURE.upper()], ids=ascii)
    def test_of_a_wrong_signature_says_so(self, sig: str) -> None:
        assert qr.read(json.dumps({**LEGACY_PAYLOAD, "sig": sig})).reason == "invalid_signature"

    @pytest.mark.parametrize(
        "payload",
        [
            {"event": TONIGHT},
            {"ticket_id": "TKT-001"},
            {"ticket_id": 1, "event": TONIGHT},
            {"ticket_id": "", "event": TONIGHT},
            {"ticket_id": "x" * 129, "event": TONIGHT},
            {"ticket_id": "a\x00b", "event": TONIGHT},
            {"ticket_id": "TKT-001", "event": "half of a pair: \ud83c"},
        ],
        ids=ascii,
    )
    def test_of_a_genuine_payload_that_names_no_ticket_says_malformed(self, payload: dict[str, Any]) -> None:
        reading = qr.read(qr.sign(payload))

        assert (reading.is_genuine, reading.reason, reading.payload) == (True, "malformed", payload)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "TKT-001",
            "null",
            "[]",
            '"text"',
            "{",
            "\x00",
            "\ud83c",
            "[" * 4000,
            '{"a":' * 600 + "1" + "}" * 600,
            '{"a":' * 10 + "1" + "}" * 10,
            '{"a":NaN}',
            '{"a":1e999}',
        ],
        ids=lambda text: ascii(text[:20]),
    )
    def test_of_what_is_no_payload_says_malformed(self, text: str) -> None:
        assert qr.read(text) == qr.Reading(is_genuine=False, reason="malformed")

    def test_of_more_than_a_code_can_hold_says_too_long(self) -> None:
        assert qr.read(" " * (limits.QR_TEXT + 1)) == qr.Reading(is_genuine=False, reason="too_long")

    def test_of_a_repeated_field_believes_the_last_as_the_signature_does(self) -> None:
        text = ticket().replace("{", '{"ticket_id":"TKT-666",', 1)

        assert qr.read(text).ticket_id == "TKT-001"

    def test_of_a_huge_number_does_not_fail(self) -> None:
        assert qr.read('{"a":' + "9" * 4000 + "}").reason == "unsigned"

    @given(st.text() | values.map(json.dumps))
    def test_never_fails(self, text: str) -> None:
        assert qr.read(text).reason


class TestACode:
    def test_is_a_png(self) -> None:
        assert qr.code_as_png(ticket()).startswith(b"\x89PNG")

    def test_refuses_a_token_that_does_not_fit(self) -> None:
        with pytest.raises(qr.CodeTooLarge, match="4000 characters"):
            qr.code_as_png("x" * 4000)


class TestACodeOfTextsOnly:
    """It is read and written by a faster library than others: the same."""

    @given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4))
    def test_is_signed_as_any_other(self, payload: dict[str, str]) -> None:
        slow = json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()

        assert qr._canonical(payload) == slow

    def test_is_signed_as_any_other_whatever_its_character(self) -> None:
        for number in [*range(0x300), 0x2028, 0xD800, 0xFFFF, 0x1F600]:
            payload = {"b": chr(number), "a": ""}

            assert (
                qr._canonical(payload) == json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()
            )

    @given(
        st.dictionaries(st.text(max_size=8), st.text(max_size=8) | st.integers(), max_size=4).map(json.dumps),
        st.text(st.characters(max_codepoint=0x7F), max_size=3),
        st.integers(0, 40),
    )
    def test_is_read_as_any_other(self, text: str, more: str, place: int) -> None:
        damaged = text[:place] + more + text[place:]
        try:
            found = qr._decode_texts(damaged)
        except (msgspec.MsgspecError, ValueError):
            return

        assert qr._decode(damaged) == found
