"""POST /generate-qr."""

import base64
import json

import pytest

from analytics import qr
from analytics.tests.conftest import TONIGHT, Call


class TestGenerateQr:
    def test_answers_a_token_that_validates_and_its_picture(self, post: Call) -> None:
        answer = post("/generate-qr", ticket_id="TKT-001", event="Fête d'été", user="ada").json()

        assert qr.read(answer["token"]).payload == {
            "ticket_id": "TKT-001",
            "event": "Fête d'été",
            "user": "ada",
        }
        assert base64.b64decode(answer["qr_base64"]).startswith(b"\x89PNG")

    @pytest.mark.parametrize("ticket_id", ["", "a b", "é", "x" * 129, "TKT-1\n"])
    def test_refuses_a_ticket_id_of_other_characters(self, post: Call, ticket_id: str) -> None:
        assert post("/generate-qr", ticket_id=ticket_id, event=TONIGHT, user="ada").status_code == 422

    def test_says_what_to_shorten_when_it_does_not_fit_into_a_code(self, post: Call) -> None:
        answer = post("/generate-qr", ticket_id="TKT-001", event="\U0001f3b6" * 200, user="ada")

        assert answer.status_code == 422
        assert "shorten event or user" in json.dumps(answer.json())
