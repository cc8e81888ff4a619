"""SQLAlchemy's tables agree with the database that Django's migrations made."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from django.apps import apps
from django.db import connection as django_connection
from django.db import models
from django.test.utils import isolate_apps

from core.db import get_engine
from core.pool import SharedPool
from core.tables import UnknownFieldType, table_for
from core.tests.fixtures import Crowd

DERIVED = "derived_from_the_models"
# Django's own permission tables use types that no SQLAlchemy code of this service reads; its users are
# referred to.
MODELS = [
    model
    for model in apps.get_models(include_auto_created=True)
    if model._meta.app_label in {"analytics", "etl", "reports"} or model._meta.label == "auth.User"
]

with isolate_apps("core"):

    class Sample(models.Model):
        """Each field type and key that `core.tables` knows and the service's own models may not use yet."""

        small = models.SmallIntegerField(db_index=True)
        whole = models.IntegerField(db_default=-1)
        price = models.DecimalField(max_digits=12, decimal_places=2, null=True)
        notes = models.JSONField(default=dict)
        text = models.TextField(db_index=True, db_default="it's 100 %")
        name = models.CharField(max_length=10, unique=True)
        is_open = models.BooleanField(db_default=True)
        day = models.DateField()
        parent = models.ForeignKey("self", null=True, on_delete=models.CASCADE)

        class Meta:
            app_label = "core"
            db_table = "samples"
            unique_together = (("small", "whole"),)
            constraints = (models.CheckConstraint(condition=~models.Q(name=""), name="samples_named"),)
            indexes = (models.Index(fields=["-day"], condition=~models.Q(name=""), name="samples_of_a_day"),)


COMPARED: list[type[models.Model]] = [*MODELS, Sample]


@pytest.fixture
def inspector(db: None) -> Iterator[sa.Inspector]:
    """Sees the migrated tables, and in a schema of their own the tables made from the derived ones."""
    with django_connection.schema_editor() as editor:
        editor.create_model(Sample)
    with get_engine().begin() as connection:
        connection.execute(sa.text(f"CREATE SCHEMA {DERIVED}"))
        copies = sa.MetaData()
        for model in COMPARED:
            table_for(model).to_metadata(copies, schema=DERIVED, referred_schema_fn=lambda *_: DERIVED)
        copies.create_all(connection)
        yield sa.inspect(connection)


def described(inspector: sa.Inspector, table: str, schema: str | None) -> dict[str, Any]:
    """Return all that SQLAlchemy reflects about a table, less the names that Django or Postgres made up."""
    return {
        "columns": _sorted(inspector.get_columns(table, schema)),
        "primary key": inspector.get_pk_constraint(table, schema)["constrained_columns"],
        "unique": _comparable(inspector.get_unique_constraints(table, schema)),
        "checks": _comparable(inspector.get_check_constraints(table, schema)),
        "foreign keys": _comparable(inspector.get_foreign_keys(table, schema)),
        "indexes": _comparable(inspector.get_indexes(table, schema)),
    }


def _sorted(rows: list[Any]) -> list[str]:
    return sorted(repr(sorted(row.items())) for row in rows)


def _comparable(rows: list[Any]) -> list[str]:
    options = [model._meta for model in COMPARED]
    ours = {named.name for option in options for named in (*option.indexes, *option.constraints)}
    names = ("name", "duplicates_constraint")
    made_up = [{name: None for name in names if name in row and row[name] not in ours} for row in rows]
    return _sorted(
        [{**row, **none, "referred_schema": None} for row, none in zip(rows, made_up, strict=True)]
    )


class TestTableFor:
    @pytest.mark.parametrize("model", COMPARED, ids=lambda model: model.__name__)
    def test_agrees_with_the_migrated_table(self, model: type[models.Model], inspector: sa.Inspector) -> None:
        table = model._meta.db_table

        assert described(inspector, table, DERIVED) == described(inspector, table, None)

    def test_is_compared_for_every_model_of_the_service(self) -> None:
        assert len(MODELS) >= 7

    def test_is_the_same_object_at_each_call(self) -> None:
        crowd = Crowd(16, lambda _: table_for(MODELS[0])).run()

        assert not crowd.errors
        assert len({id(table) for table in crowd.results}) == 1

    def test_names_a_field_type_that_it_cannot_express(self) -> None:
        with isolate_apps("core"):

            class Camera(models.Model):
                address = models.GenericIPAddressField()

                class Meta:
                    app_label = "core"

        with pytest.raises(UnknownFieldType, match=r"core\.Camera\.address is a GenericIPAddressField"):
            table_for(Camera)

    def test_refuses_an_index_that_it_cannot_express(self) -> None:
        with isolate_apps("core"):

            class Camera(models.Model):
                name = models.TextField()

                class Meta:
                    app_label = "core"
                    db_table = "cameras_by_name"
                    indexes = (models.Index("name", include=["id"], name="cameras_a"),)

        with pytest.raises(UnknownFieldType, match="Camera"):
            table_for(Camera)

    def test_refuses_a_constraint_that_it_cannot_express(self) -> None:
        with isolate_apps("core"):

            class Camera(models.Model):
                name = models.TextField()

                class Meta:
                    app_label = "core"
                    db_table = "cameras_once"
                    constraints = (
                        models.UniqueConstraint(
                            fields=["name"], condition=models.Q(name="a"), name="cameras_b"
                        ),
                    )

        with pytest.raises(UnknownFieldType, match="Camera"):
            table_for(Camera)


@pytest.mark.real_pool
class TestDerivingATable:
    def test_opens_no_connection(self, django_pool: SharedPool) -> None:
        with isolate_apps("core"):

            class Turnstile(models.Model):
                name = models.CharField(max_length=10, unique=True, db_default="north")

                class Meta:
                    app_label = "core"
                    constraints = (
                        models.CheckConstraint(condition=~models.Q(name=""), name="turnstile_named"),
                    )

        table_for(Turnstile)

        assert django_pool.stats().open == 0
