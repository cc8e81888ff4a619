"""What `make run` makes before Django starts: which settings it takes, makes, keeps and writes down."""

import atexit
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config import demo
from etl.demo.process import UpstreamProcess
from etl.rows import Endpoint
from etl.sources import SourceSpec, open_source

OWN_DATABASE = "postgres://gate@db.example/turnstile"
OWN_SOURCE = "https://tickets.example/api"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """An environment that gives a database, a source and no key; what a test adds is taken away again."""
    before = dict(os.environ)
    for name in demo.KEYS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("ETL_SOURCE_TOKEN", raising=False)
    monkeypatch.setenv("DATABASE_URL", OWN_DATABASE)
    monkeypatch.setenv("ETL_SOURCE_URL", OWN_SOURCE)
    yield monkeypatch
    monkeypatch.undo()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def upstreams(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[UpstreamProcess]]:
    """The upstreams that a test starts; they end with it, not with the test run."""
    started: list[UpstreamProcess] = []

    def end_with_the_test(stop: Callable[[], None]) -> None:
        upstream = getattr(stop, "__self__", None)
        assert isinstance(upstream, UpstreamProcess)
        started.append(upstream)

    monkeypatch.setattr(atexit, "register", end_with_the_test)
    monkeypatch.delenv("DEMO_UPSTREAM", raising=False)
    yield started
    for upstream in started:
        upstream.stop()


def remembered(folder: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (folder / "demo.env").read_text().splitlines())


class TestDescribe:
    def test_makes_every_key_that_nobody_gave(self, environment: pytest.MonkeyPatch, tmp_path: Path) -> None:

        made = demo.describe(tmp_path, settings_file=tmp_path / ".env")

        assert set(made) == set(demo.KEYS)
        assert all(len(made[name]) >= 32 for name in ("SECRET_KEY", "QR_SIGNING_KEY", "SERVICE_API_KEY"))
        assert len(set(made.values())) == len(made)

    def test_keeps_the_keys_of_an_earlier_run(self, environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
        first = demo.describe(tmp_path, settings_file=tmp_path / ".env")
        for name in demo.KEYS:
            environment.delenv(name, raising=False)

        assert demo.describe(tmp_path, settings_file=tmp_path / ".env") == first

    def test_writes_no_key_that_was_given(self, environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
        environment.setenv("SECRET_KEY", "given-by-the-environment" * 2)
        (tmp_path / ".env").write_text(f"QR_SIGNING_KEY={'given-by-the-file' * 2}\n")

        demo.describe(tmp_path, settings_file=tmp_path / ".env")

        assert set(remembered(tmp_path)) == {"SERVICE_API_KEY", "DEMO_ADMIN_PASSWORD"}

    def test_takes_an_empty_value_for_none(self, environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
        environment.setenv("SECRET_KEY", " ")
        (tmp_path / ".env").write_text("QR_SIGNING_KEY=\n")

        assert set(demo.describe(tmp_path, settings_file=tmp_path / ".env")) == set(demo.KEYS)

    def test_leaves_a_database_that_was_given_alone(
        self, environment: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:

        demo.describe(tmp_path, settings_file=tmp_path / ".env")

        assert "DATABASE_URL" not in remembered(tmp_path)
        assert not (tmp_path / "postgres").exists()


class TestUpstream:
    def test_of_the_demo_answers_where_no_source_was_given(
        self, environment: pytest.MonkeyPatch, tmp_path: Path, upstreams: list[UpstreamProcess]
    ) -> None:
        environment.setenv("ETL_SOURCE_URL", "")

        made = demo.describe(tmp_path, settings_file=tmp_path / ".env")

        source = open_source(SourceSpec(address=made["ETL_SOURCE_URL"], token=made["ETL_SOURCE_TOKEN"]))
        assert len(next(source.pages(Endpoint.EVENTS)).rows) == 20
        source.close()
        assert [upstream.url for upstream in upstreams] == [made["ETL_SOURCE_URL"]]
        assert os.environ["DEMO_UPSTREAM"] == made["ETL_SOURCE_URL"]

    def test_is_found_by_a_second_terminal(
        self, environment: pytest.MonkeyPatch, tmp_path: Path, upstreams: list[UpstreamProcess]
    ) -> None:
        environment.delenv("ETL_SOURCE_URL")

        made = demo.describe(tmp_path, settings_file=tmp_path / ".env")

        kept = remembered(tmp_path)
        assert (kept["ETL_SOURCE_URL"], kept["ETL_SOURCE_TOKEN"]) == (
            made["ETL_SOURCE_URL"],
            made["ETL_SOURCE_TOKEN"],
        )
        assert "DEMO_UPSTREAM" not in kept

    def test_is_another_one_at_each_start(
        self, environment: pytest.MonkeyPatch, tmp_path: Path, upstreams: list[UpstreamProcess]
    ) -> None:
        environment.delenv("ETL_SOURCE_URL")
        first = demo.describe(tmp_path, settings_file=tmp_path / ".env")
        for name in (*demo.KEYS, "ETL_SOURCE_URL", "ETL_SOURCE_TOKEN"):
            environment.delenv(name, raising=False)

        second = demo.describe(tmp_path, settings_file=tmp_path / ".env")

        assert len(upstreams) == 2
        assert first["ETL_SOURCE_TOKEN"] != second["ETL_SOURCE_TOKEN"]
        assert remembered(tmp_path)["ETL_SOURCE_URL"] == second["ETL_SOURCE_URL"]

    def test_is_not_started_beside_a_source_that_was_given(
        self, environment: pytest.MonkeyPatch, tmp_path: Path, upstreams: list[UpstreamProcess]
    ) -> None:
        demo.remember(
            {"ETL_SOURCE_URL": "http://127.0.0.1:9", "ETL_SOURCE_TOKEN": "x"}, tmp_path / "demo.env"
        )

        made = demo.describe(tmp_path, settings_file=tmp_path / ".env")

        assert (upstreams, "DEMO_UPSTREAM" in os.environ) == ([], False)
        assert not {"ETL_SOURCE_URL", "ETL_SOURCE_TOKEN"} & {*made, *remembered(tmp_path)}
        # The token of an earlier run's upstream is not for this source.
        assert os.environ["ETL_SOURCE_URL"] == OWN_SOURCE
        assert "ETL_SOURCE_TOKEN" not in os.environ


class TestRemember:
    def test_lets_nobody_else_read_the_keys(self, tmp_path: Path) -> None:
        demo.remember({"SECRET_KEY": "k"}, tmp_path / "demo.env")

        assert stat.S_IMODE((tmp_path / "demo.env").stat().st_mode) == 0o600


class TestClaim:
    def test_refuses_a_second_run_and_names_the_first(self, tmp_path: Path) -> None:
        with demo.claim(tmp_path), pytest.raises(demo.DemoRefused, match=f"as process {os.getpid()}: stop"):
            demo.claim(tmp_path)

    def test_is_free_again_when_the_first_ends(self, tmp_path: Path) -> None:
        demo.claim(tmp_path).close()

        demo.claim(tmp_path).close()

    def test_protects_a_running_demo_from_make_clean(self, tmp_path: Path) -> None:
        with demo.claim(tmp_path), pytest.raises(SystemExit, match="was not stopped: it runs already"):
            demo.stop(tmp_path)
