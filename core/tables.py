"""
A SQLAlchemy table for each Django model. Django owns the schema; nothing is described twice.

`table_for` reads a model's description only: it opens no connection, and the tables never create anything in
the real schema. Names of keys and indexes that Django makes up are left out: nobody asks for them.
"""

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from django.db import connection, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from sqlalchemy.dialects import postgresql

METADATA = sa.MetaData()
# Two threads that ask for one new table would both add it to METADATA: the second fails.
_lock = threading.RLock()
_IS_COMPLETE = "is_complete"

_TYPES: Mapping[str, Callable[[Any], sa.types.TypeEngine[Any]]] = {
    "AutoField": lambda _: sa.Integer(),
    "BigAutoField": lambda _: sa.BigInteger(),
    "BigIntegerField": lambda _: sa.BigInteger(),
    "BooleanField": lambda _: sa.Boolean(),
    "CharField": lambda field: sa.String(field.max_length),
    "DateField": lambda _: sa.Date(),
    "DateTimeField": lambda _: sa.DateTime(timezone=True),
    "DecimalField": lambda field: sa.Numeric(field.max_digits, field.decimal_places),
    "IntegerField": lambda _: sa.Integer(),
    "JSONField": lambda _: postgresql.JSONB(),
    "SmallIntegerField": lambda _: sa.SmallInteger(),
    "TextField": lambda _: sa.Text(),
    "UUIDField": lambda _: sa.Uuid(),
}
_LIKE_OPERATOR_CLASSES: Mapping[type, str] = {sa.String: "varchar_pattern_ops", sa.Text: "text_pattern_ops"}


class UnknownFieldType(TypeError):
    """
    A model has a field, an index or a constraint that `core.tables` cannot express.

    If you are hitting this, add the type to `_TYPES` here; core/tests/test_tables.py then compares it with
    the migrated database.
    """


def table_for(model: type[models.Model]) -> sa.Table:
    """
    Return the table of `model`, the same object at each call: columns, defaults, keys, indexes, checks.

    Raises:
        UnknownFieldType: the model uses what this module cannot express.
    """
    with _lock:
        return _build(model)


def _begin_again_in_child() -> None:
    # A thread that the forked child does not have may hold the lock, with a table that is half made.
    global _lock  # noqa: PLW0603
    _lock = threading.RLock()
    for table in list(METADATA.tables.values()):
        if not table.info.get(_IS_COMPLETE):
            METADATA.remove(table)


os.register_at_fork(after_in_child=_begin_again_in_child)


def _options(model: type[models.Model]) -> Any:
    return model._meta  # noqa: SLF001 - public, in spite of its name: Django documents it


@cache
def _build(model: type[models.Model]) -> sa.Table:
    options, editor = _options(model), connection.schema_editor()
    _check_indexes(model)
    columns = [_column(field, editor) for field in options.local_concrete_fields]
    table = sa.Table(options.db_table, METADATA, *columns, *_constraints(model, editor))
    for index in options.indexes:
        _add_index(table, model, index, editor)
    for field in options.local_concrete_fields:
        _add_field_indexes(table, field)
    table.info[_IS_COMPLETE] = True
    return table


def _column(field: Any, editor: BaseDatabaseSchemaEditor) -> sa.Column[Any]:
    arguments: list[Any] = []
    # django-stubs does not know it.
    if isinstance(field, models.ForeignKey) and getattr(field, "db_constraint", True):
        target = f"{_options(field.related_model).db_table}.{field.target_field.column}"
        # Django checks foreign keys at the commit.
        arguments.append(sa.ForeignKey(target, deferrable=True, initially="DEFERRED"))
    if isinstance(field, models.AutoField | models.BigAutoField):
        arguments.append(sa.Identity())
    return sa.Column(
        field.column,
        _type(field),
        *arguments,
        # A composite primary key is a field of its own, made of these.
        primary_key=field in _options(field.model).pk_fields,
        nullable=field.null,
        server_default=_default(field, editor),
    )


def _type(field: Any) -> sa.types.TypeEngine[Any]:
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    name = field.get_internal_type()
    if name not in _TYPES:
        raise UnknownFieldType(f"{field} is a {name}: core.tables knows {', '.join(sorted(_TYPES))}")
    return _TYPES[name](field)


def _default(field: Any, editor: BaseDatabaseSchemaEditor) -> sa.TextClause | None:
    if not field.has_db_default():
        return None
    sql, parameters = editor.db_default_sql(field)
    return sa.text(sql % tuple(editor.quote_value(value) for value in parameters))


def _constraints(model: type[models.Model], editor: BaseDatabaseSchemaEditor) -> Iterator[sa.Constraint]:
    options = _options(model)
    for field in options.local_concrete_fields:
        if field.unique and not field.primary_key:
            yield sa.UniqueConstraint(field.column)
    for names in options.unique_together:
        yield sa.UniqueConstraint(*_column_names(model, names))
    for constraint in options.constraints:
        yield _constraint(model, constraint, editor)


def _constraint(
    model: type[models.Model], constraint: Any, editor: BaseDatabaseSchemaEditor
) -> sa.Constraint:
    if isinstance(constraint, models.CheckConstraint):
        # Private, but the only way to the condition's SQL; Django is pinned.
        condition = constraint._get_check_sql(model, editor)  # type: ignore[attr-defined]  # noqa: SLF001
        return sa.CheckConstraint(condition, name=constraint.name)
    if isinstance(constraint, models.UniqueConstraint) and constraint.condition is None and constraint.fields:
        return sa.UniqueConstraint(*_column_names(model, constraint.fields), name=constraint.name)
    raise UnknownFieldType(f"{model.__name__} has {constraint!r}, which core.tables cannot express")


def _column_names(model: type[models.Model], names: Sequence[str]) -> list[str]:
    return [_options(model).get_field(name).column for name in names]


def _check_indexes(model: type[models.Model]) -> None:
    # Before the table joins METADATA: half a table must not stay there.
    for index in _options(model).indexes:
        if index.expressions or index.include or index.opclasses:
            raise UnknownFieldType(f"{model.__name__} has {index!r}, which core.tables cannot express")


def _add_index(
    table: sa.Table, model: type[models.Model], index: models.Index, editor: BaseDatabaseSchemaEditor
) -> None:
    names, orders = zip(*index.fields_orders, strict=True)
    columns = [table.c[column] for column in _column_names(model, names)]
    ordered = zip(columns, orders, strict=True)
    # Private, as for checks; None for an index of all rows.
    condition = index._get_condition_sql(model, editor)  # type: ignore[attr-defined]  # noqa: SLF001
    sa.Index(
        index.name,
        *(column.desc() if order == "DESC" else column for column, order in ordered),
        postgresql_where=sa.text(condition) if condition else None,
    )


def _add_field_indexes(table: sa.Table, field: Any) -> None:
    """Add what Django adds by itself: an index, and for text a second one that serves LIKE."""
    if field.db_index and not field.unique:
        sa.Index(None, table.c[field.column])
    operator_class = _LIKE_OPERATOR_CLASSES.get(type(table.c[field.column].type))
    if operator_class and (field.db_index or field.unique):
        name = f"ix_{table.name}_{field.column}_like"
        sa.Index(name, table.c[field.column], postgresql_ops={field.column: operator_class})
