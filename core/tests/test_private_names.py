"""Every private name of a library that docs/adr/0008 lists is still there."""

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.local import Local
from django.db import connection
from sqlalchemy.pool import NullPool
from sqlalchemy.pool.base import _ConnectionRecord

from core import db
from core.pool import SharedPool

ADR = Path(__file__).resolve().parents[2] / "docs" / "adr" / "0008-private-names.md"


def private_names() -> Iterator[str]:
    """Yield each name of the table in full; `.b` after `a.b.c` stands for `a.b.b`."""
    for row in re.findall(r"^\| `.*$", ADR.read_text(), flags=re.MULTILINE):
        owner = ""
        for name in re.findall(r"`([\w.]+)`", row.split(" | ")[0]):
            if name.startswith("."):
                yield owner + name
            else:
                owner = name.rpartition(".")[0]
                yield name


def owner_of(path: str) -> Any:
    """Import what a dotted path names: a module, or a class in one."""
    try:
        return importlib.import_module(path)
    except ImportError:
        module, _, name = path.rpartition(".")
        return getattr(importlib.import_module(module), name)


@pytest.fixture
def instances(pool_of_one: SharedPool, django_pool: SharedPool) -> list[Any]:
    """An object of each class whose attributes are made when an object is."""
    connection.ensure_connection()
    borrowed = pool_of_one.getconn()
    local = Local(thread_critical=True)
    engine_pool = NullPool(db.get_engine().raw_connection)
    record = _ConnectionRecord(engine_pool, connect=False)
    return [
        *(pool_of_one, borrowed, borrowed.cursor(), borrowed.adapters, borrowed.adapters.types),
        *(engine_pool, record, local),
    ]


class TestThePrivateNamesThatWeUse:
    def test_are_listed(self) -> None:
        assert len(list(private_names())) > 60

    @pytest.mark.parametrize("name", list(private_names()))
    def test_exist(self, name: str, instances: list[Any]) -> None:
        path, _, attribute = name.rpartition(".")
        owner = owner_of(path)

        objects = [owner, *(each for each in instances if inspect.isclass(owner) and isinstance(each, owner))]

        assert any(hasattr(each, attribute) for each in objects), f"{name} is gone: see {ADR.name}"
