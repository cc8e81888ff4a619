"""What `make run` makes before Django starts: which settings it takes, makes, keeps and writes down."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import demo

OWN_DATABASE = "postgres://gate@db.example/turnstile"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """An environment that gives a database and no key; what a test adds is taken away again."""
    before = dict(os.environ)
    for name in demo.KEYS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", OWN_DATABASE)
    yield monkeypatch
    monkeypatch.undo()
    os.environ.clear()
    os.environ.update(before)


def remembered(folder: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (folder / "demo.env").read_text().splitlines())


class TestDescribe:
    def test_makes_every_key_that_nobody_gave(self, environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
        del environment

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
        del environment

        demo.describe(tmp_path, settings_file=tmp_path / ".env")

        assert "DATABASE_URL" not in remembered(tmp_path)
        assert not (tmp_path / "postgres").exists()


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
