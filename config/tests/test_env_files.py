"""Which files describe a deployment: a demo's keys are for the commands beside it, while it runs."""

import sys
from pathlib import Path

import pytest

from config import demo, env_files
from core.backend import application_name


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """`.env`, and what a demo in the same folder has made."""
    made = tmp_path / ".env", tmp_path / "demo.env"
    for path in made:
        path.touch()
    return made


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """This process as a command of manage.py."""
    # Another test may have loaded it, as a server's worker does.
    for module in application_name.SERVED:
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr(sys, "argv", ["manage.py", "etl", "run"])
    return monkeypatch


def read_by_this_process(folder: Path) -> list[Path]:
    return list(env_files.of_this_process(folder / ".env", demo_folder=folder))


class TestACommand:
    def test_beside_a_running_demo_takes_its_keys_after_the_settings_of_the_machine(
        self, command: pytest.MonkeyPatch, files: tuple[Path, Path], tmp_path: Path
    ) -> None:
        with demo.claim(tmp_path):
            assert read_by_this_process(tmp_path) == list(files)

    def test_takes_nothing_of_a_demo_that_has_ended(
        self, command: pytest.MonkeyPatch, files: tuple[Path, Path], tmp_path: Path
    ) -> None:
        demo.claim(tmp_path).close()

        assert read_by_this_process(tmp_path) == [files[0]]

    def test_does_without_any_file(self, command: pytest.MonkeyPatch, tmp_path: Path) -> None:
        assert read_by_this_process(tmp_path / "nowhere") == []

    def test_leaves_the_lock_to_the_demo_that_starts_next(
        self, command: pytest.MonkeyPatch, files: tuple[Path, Path], tmp_path: Path
    ) -> None:
        demo.claim(tmp_path).close()
        read_by_this_process(tmp_path)

        demo.claim(tmp_path).close()


class TestAServer:
    def test_takes_nothing_of_a_demo(
        self, command: pytest.MonkeyPatch, files: tuple[Path, Path], tmp_path: Path
    ) -> None:
        command.setattr(sys, "argv", ["manage.py", "serve"])

        with demo.claim(tmp_path):
            assert read_by_this_process(tmp_path) == [files[0]]

    def test_of_another_make_takes_nothing_of_a_demo_either(
        self, command: pytest.MonkeyPatch, files: tuple[Path, Path], tmp_path: Path
    ) -> None:
        command.setattr(sys, "argv", ["/bin/gunicorn", "config.wsgi"])
        command.setitem(sys.modules, "config.wsgi", sys)

        with demo.claim(tmp_path):
            assert read_by_this_process(tmp_path) == [files[0]]
