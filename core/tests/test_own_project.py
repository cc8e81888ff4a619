"""
`core` in somebody else's Django project: a copy of the folder, settings, one small app, nothing else of ours.

The project's settings and code are the blocks of docs/using-the-pool.md, so that what stands there works.
"""

import inspect
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg_pool import ConnectionPool

from core.embedded import SUPERUSER, EmbeddedPostgres
from core.pool import SharedPool

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "using-the-pool.md").read_text()
# Each block of Python begins with the path of its file.
FILES: dict[str, str] = dict(
    re.findall(r"^```python\n# (\S+\.py)\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
)
# What the document tells its reader to leave out.
NOT_NEEDED = shutil.ignore_patterns("tests", "embedded.py", "__pycache__")

MODELS = """
from django.db import models

class Order(models.Model):
    id = models.BigAutoField(primary_key=True)
    customer = models.CharField(max_length=100)
    total = models.DecimalField(max_digits=10, decimal_places=2)
"""
# Django's own tests of it.
TEST_CASE = """
from django.test import TestCase
from shop import totals
from shop.models import Order

class TwoTests(TestCase):
    def sell_once(self):
        assert Order.objects.count() == 0
        totals.add("Ada", 5)
        assert Order.objects.get().customer == "Ada"

    def test_one(self):
        self.sell_once()

    def test_other(self):
        self.sell_once()
"""
# Other settings than the document's two.
SETTINGS = {
    "djangos_options": """
DATABASES["default"]["OPTIONS"] = {"pool": {"min_size": 2, "max_size": 4, "timeout": 10}}
""",
    "engine_alone": 'INSTALLED_APPS = ["shop"]',
    "no_pool": 'DATABASES["default"]["OPTIONS"] = {}',
    "unreachable": 'DATABASES["default"] |= {"HOST": "127.0.0.1", "PORT": 9}',
    "not_ours": 'DATABASES["default"]["ENGINE"] = "django.db.backends.postgresql"',
    "sqlite": 'DATABASES["default"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}',
    "several": """
DATABASES["sales"] = {**DATABASES["default"], "OPTIONS": {"pool": {"min_size": 1}}}
DATABASES["archive"] = {**DATABASES["default"], "OPTIONS": {}}
DATABASES["notes"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
""",
}
WITH_A_POOL = pytest.mark.parametrize(
    "settings", ["settings", "production", "djangos_options", "engine_alone"]
)

BOTH_LIBRARIES = """
import django; django.setup()
from django.db import transaction
from shop import charges, health, totals
from shop.models import Order

class Undone(Exception):
    pass

def sell(*, undo):
    with transaction.atomic():
        Order.objects.create(customer="Ada", total=10)
        totals.add("Ada", 5)
        assert totals.total_of("Ada") == 15
        if undo:
            raise Undone

Order.objects.all().delete()
totals.add("Eve", 1)
assert Order.objects.get().customer == "Eve"
assert charges.charge(Order.objects.get().pk, 2) == Order.objects.get().total == 3
try:
    sell(undo=True)
except Undone:
    pass
assert totals.total_of("Ada") is None
sell(undo=False)
assert Order.objects.count() == 3
assert set(health.database()) == {"milliseconds", "waiting"}
"""

# As if it were not installed.
ORM_ALONE = """
import sys; sys.modules["sqlalchemy"] = None
import django; django.setup()
from django.core.management import call_command
from shop.models import Order
call_command("check")
call_command("doctor")
assert Order.objects.filter(customer="nobody").count() == 0
"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, postgres: EmbeddedPostgres) -> Path:
    """The folder of a project on `core` alone, before its first migration."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "core", folder / "core", ignore=NOT_NEEDED)
    (folder / "shop").mkdir()
    own = {"shop/__init__.py": "", "shop/models.py": MODELS, "shop/test_case.py": TEST_CASE}
    variants = {f"{name}.py": f"from settings import *\n{text}" for name, text in SETTINGS.items()}
    for path, text in {**FILES, **variants, **own}.items():
        (folder / path).write_text(text)
    postgres.create_database("shop")
    return folder


@pytest.fixture(scope="module")
def run(project: Path, postgres: EmbeddedPostgres) -> Run:
    """Runs Python in the project, with none of this process's environment; a warning is an error."""

    def run(*arguments: str, settings: str = "settings") -> "subprocess.CompletedProcess[str]":
        environment = {
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": settings,
            "PGHOST": str(postgres.socket_dir),
            "PGUSER": SUPERUSER,
        }
        return subprocess.run(
            [sys.executable, "-W", "error", *arguments],
            cwd=project, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


@pytest.fixture(scope="module")
def migrated(run: Run) -> None:
    """The project's one table, in its database."""
    for command in (["makemigrations", "shop"], ["migrate"]):
        done = run("-m", "django", *command)
        assert done.returncode == 0, done.stderr


class TestTheDocument:
    def test_has_no_block_that_is_not_run(self) -> None:
        languages = re.findall(r"^```(\w*)\n", DOCUMENT, re.MULTILINE)

        assert languages.count("python") == len(FILES)
        assert set(FILES) == {
            *("settings.py", "production.py"),
            *("shop/totals.py", "shop/test_orders.py", "shop/charges.py", "shop/health.py"),
        }

    def test_names_the_versions_that_are_tested(self) -> None:
        pinned = set((ROOT / "requirements.txt").read_text().splitlines())

        [named] = re.findall(r"^pip install (.+)$", DOCUMENT, re.MULTILINE)

        assert len(named.split()) == 4
        assert {requirement.strip('"') for requirement in named.split()} <= pinned

    def test_names_every_option_of_a_pool(self) -> None:
        options = {
            name
            for pool in (SharedPool, ConnectionPool)
            for name, option in inspect.signature(pool).parameters.items()
            if option.kind is not option.VAR_KEYWORD
        }

        named = set(re.findall(r'`(\w+)`|^ +"(\w+)": ', DOCUMENT, re.MULTILINE))

        assert options - {name for pair in named for name in pair} == set()

    def test_gives_the_defaults_of_the_options(self) -> None:
        parameters = {
            **inspect.signature(ConnectionPool).parameters,
            **inspect.signature(SharedPool).parameters,
        }

        given = re.findall(r'^ +"(\w+)": .+# default (\w+)[:,]', DOCUMENT, re.MULTILINE)

        assert len(given) == 12
        assert {name: str(parameters[name].default).removesuffix(".0") for name, _ in given} == dict(given)


class TestTheProject:
    def test_passes_its_checks_without_a_word(self, run: Run) -> None:
        done = run("-m", "django", "check")

        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "System check identified no issues (0 silenced).\n"

    @pytest.mark.usefixtures("migrated")
    def test_runs_the_documents_commands(self, run: Run) -> None:
        commands = re.findall(r"^python manage.py (\w+)$", DOCUMENT, re.MULTILINE)

        done = [run("-m", "django", command) for command in commands]

        assert commands == ["check", "migrate", "doctor"]
        assert [each.returncode for each in done] == [0, 0, 0], [each.stderr for each in done]

    @WITH_A_POOL
    @pytest.mark.usefixtures("migrated")
    def test_has_both_libraries_in_one_transaction(self, run: Run, settings: str) -> None:
        done = run("-c", BOTH_LIBRARIES, settings=settings)

        assert (done.returncode, done.stderr) == (0, "")

    @pytest.mark.parametrize("settings", ["settings", "production"])
    @pytest.mark.usefixtures("migrated")
    def test_has_tests_that_leave_nothing_behind(self, run: Run, settings: str) -> None:
        pytests = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "shop", settings=settings)
        djangos = run("-m", "django", "test", "--noinput", "shop", settings=settings)

        assert "3 passed" in pytests.stdout, pytests.stdout
        assert re.search(r"Ran 2 tests in .+\n\nOK\n", djangos.stderr), djangos.stderr

    @pytest.mark.parametrize("settings", ["settings", "no_pool"])
    @pytest.mark.usefixtures("migrated")
    def test_has_the_orm_where_sqlalchemy_is_not_installed(self, run: Run, settings: str) -> None:
        done = run("-c", ORM_ALONE, settings=settings)

        assert (done.returncode, done.stderr) == (0, "")

    def test_tells_monitoring_why_its_database_does_not_serve(self, run: Run) -> None:
        asked = "import django; django.setup(); from shop import health; print(health.database())"

        assert run("-c", asked, settings="unreachable").stdout == "{'reason': 'unreachable'}\n"

    @pytest.mark.parametrize("settings", ["not_ours", "sqlite", "no_pool"])
    @pytest.mark.parametrize("call", ["get_engine().connect()", "get_session().connection()", "pool_stats()"])
    def test_is_told_what_the_engine_needs(self, run: Run, settings: str, call: str) -> None:
        asked = f"import django; django.setup(); from core import db; db.{call}"

        done = run("-c", asked, settings=settings)

        error = done.stderr.splitlines()[-1]
        assert error.startswith("django.core.exceptions.ImproperlyConfigured: DATABASES[")
        assert 'use ENGINE "core.backend" with OPTIONS["pool"]' in error


class TestItsDoctor:
    @pytest.mark.usefixtures("migrated")
    def test_asks_every_question_once(self, run: Run) -> None:
        answers = run("-m", "django", "doctor", "--no-color", settings="production").stdout.splitlines()

        for answer, text in zip(
            answers, ("pool of 5 to 15", "SELECT 1 took", "PostgreSQL", "room for 6 processes", "migrations"),
            strict=True,
        ):  # fmt: skip
            assert text in answer
            assert answer.startswith("ok")

    @pytest.mark.usefixtures("migrated")
    def test_asks_of_each_database_of_the_backend(self, run: Run) -> None:
        done = run("-m", "django", "doctor", settings="several")

        assert done.returncode == 0, done.stderr
        assert "sales: pool of 1 to 1 connections" in done.stdout
        assert "archive: no pool" in done.stdout
        assert "notes" not in done.stdout

    @pytest.mark.parametrize(
        ("settings", "complaint"),
        [("unreachable", "the database does not answer"), ("not_ours", "no database uses core.backend")],
    )
    def test_fails_with_the_cure(self, run: Run, settings: str, complaint: str) -> None:
        done = run("-m", "django", "doctor", "--no-color", settings=settings)

        assert done.returncode == 1
        assert f"fail  {complaint}" in done.stdout
        assert "DATABASES" in done.stdout


class TestThePoolAlone:
    def test_imports_neither_django_nor_sqlalchemy(self, run: Run) -> None:
        done = run("-c", "import sys, core.pool; print({name.split('.')[0] for name in sys.modules})")

        assert "psycopg_pool" in done.stdout
        assert "django" not in done.stdout
        assert "sqlalchemy" not in done.stdout
