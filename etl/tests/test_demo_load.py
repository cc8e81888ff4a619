"""`manage.py demo_load`: what `make run` loads, and that it never stops the demo."""

import io

import pytest
from django.core.management import call_command


class TestDemoLoad:
    def test_without_the_demos_upstream_it_does_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("DEMO_UPSTREAM", raising=False)
        output = io.StringIO()

        call_command("demo_load", stdout=output)

        assert not output.getvalue()

    def test_a_run_that_fails_is_reported_and_does_not_stop_the_demo(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DEMO_UPSTREAM", "http://127.0.0.1:9")
        monkeypatch.setenv("ETL_SOURCE_URL", "no-such-file.csv")
        output = io.StringIO()

        call_command("demo_load", stdout=output)

        first, second = output.getvalue().splitlines()
        assert first.startswith("Upstream demo at http://127.0.0.1:9: ")
        assert "not loaded (exit code 2)" in second
