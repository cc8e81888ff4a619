"""What holds for the repository as a whole."""

import ast
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parents[2]
APPS = ("config", "core", "analytics", "etl", "reports", "health")
MAKEFILE = (ROOT / "Makefile").read_text()


def sources() -> Iterator[Path]:
    """Yield the service's own modules: no tests, no migrations."""
    for app in APPS:
        for path in (ROOT / app).rglob("*.py"):
            if not {"tests", "migrations"} & set(path.parts):
                yield path


def calls_of(name: str) -> Iterator[str]:
    """Yield the file of each call of a function called `name`."""
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == name:
                yield path.relative_to(ROOT).as_posix()


def commands_of(target: str) -> str:
    """Return what `make` would run, whatever the one that runs this test was asked for."""
    command = ["make", "--dry-run", "--no-print-directory", target]
    return subprocess.run(
        command, cwd=ROOT, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=True
    ).stdout


class TestRepository:
    @pytest.mark.django_db
    def test_has_no_pending_migrations(self) -> None:
        call_command("makemigrations", check=True, dry_run=True, verbosity=0)

    def test_calls_create_engine_once(self) -> None:
        assert list(calls_of("create_engine")) == ["core/db.py"]

    def test_has_a_version_at_the_top_of_the_changelog(self) -> None:
        released = re.findall(
            r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
        )

        versions = [tuple(map(int, version.split("."))) for version in released]

        assert versions
        assert versions == sorted(versions, reverse=True)

    def test_continuous_integration_runs_make_check_which_runs_make_test(self) -> None:
        assert (ROOT / ".ci/run").read_text().rstrip().endswith("\nmake check")
        assert re.search(r"^check: lint.*\n\t@\$\(MAKE\) .* test EVERYTHING=yes$", MAKEFILE, re.MULTILINE)

    def test_make_check_runs_every_test_with_coverage_and_make_test_all_but_the_slow_ones(self) -> None:
        everything, quick = commands_of("check"), commands_of("test")

        assert "coverage run -m pytest" in everything
        assert "not slow" not in everything
        assert "-m pytest" in quick
        assert '-m "not slow"' in quick

    def test_every_folder_in_the_map_exists(self) -> None:
        folders = re.findall(r"^\| `([a-z]+)/` \|", (ROOT / "README.md").read_text(), re.MULTILINE)

        assert set(APPS) < set(folders)
        assert [folder for folder in folders if not (ROOT / folder).is_dir()] == []
