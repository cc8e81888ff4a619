"""Which places a request takes: nobody's are another kind's (contract line G5)."""

import pytest

from config.front import kinds
from config.front.kinds import Kind


class TestARequest:
    @pytest.mark.parametrize(
        ("path", "kind"),
        [
            ("/validate-qr", kinds.GATE),
            ("/transfers", kinds.GATE),
            ("/invalid-attempts", kinds.GATE),
            ("/scans/batch", kinds.UPLOAD),
            ("/stats", kinds.TOOL),
            ("/generate-qr", kinds.TOOL),
            ("/qr/scan-log/TKT-001", kinds.TOOL),
            ("/health/pool", kinds.MONITOR),
            ("/nowhere", kinds.TOOL),
        ],
    )
    def test_of_the_api_has_its_kind_with_the_key_only(self, path: str, kind: Kind) -> None:
        assert kinds.kind_of(path, has_key=True) is kind
        assert kinds.kind_of(path, has_key=False) is kinds.STRANGER

    @pytest.mark.parametrize("has_key", [True, False])
    @pytest.mark.parametrize(
        ("path", "kind"),
        [
            *((path, kinds.ALIVE) for path in ("/health", "/health/", "/livez", "/livez/")),
            *((path, kinds.MONITOR) for path in ("/ready", "/readyz/", "/health/db", "/health/db/")),
            *((path, kinds.STAFF) for path in ("/admin/", "/admin/login/", "/static/a.css", "/api/docs")),
        ],
    )
    def test_of_monitors_and_browsers_needs_no_key(self, path: str, kind: Kind, *, has_key: bool) -> None:
        assert kinds.kind_of(path, has_key=has_key) is kind

    def test_that_sends_a_password_has_places_of_its_own(self) -> None:
        for path in ("/admin/login/", "/admin/login"):
            assert kinds.kind_of(path, has_key=False, method="POST") is kinds.LOGIN
            assert kinds.kind_of(path, has_key=False, method="GET") is kinds.STAFF
        assert kinds.kind_of("/admin/", has_key=False, method="POST") is kinds.STAFF

    def test_of_a_stranger_or_a_monitor_has_no_body_that_is_read(self) -> None:
        assert {kind.name for kind in kinds.ALL if not kind.body_bytes} == {"alive", "monitor", "stranger"}
