"""Inserts and updates of single rows, compiled to SQL once per model; see ``prepared``."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.models.sql import InsertQuery

from server.core.prepared import run_statement


def insert_row(row: models.Model) -> None:
    """Insert one row, as ``save(force_insert=True)`` does, without signals; sets a generated key."""
    sql, fields, returned = _insertion(_key(type(row)), connection.vendor)
    answer = run_statement(sql, [_value(field, row, is_new=True) for field in fields])
    if returned is not None:
        setattr(row, returned, answer[0][0])
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS  # noqa: SLF001 - as Django's own save


def insert_rows(rows: Sequence[models.Model], size: int) -> None:
    """Insert rows of one model, ``size`` in a statement, without signals."""
    if len(rows) == 1:
        insert_row(rows[0])
    elif rows:
        type(rows[0])._default_manager.bulk_create(rows, batch_size=size)  # noqa: SLF001 - the public way


def update_row(row: models.Model, names: Sequence[str] = ()) -> None:
    """Update a locked row, as ``save(update_fields=names)`` does, without signals; all fields by default."""
    sql, fields = _update(_key(type(row)), tuple(names), connection.vendor)
    run_statement(sql, [_value(field, row, is_new=False) for field in fields])


def _key(model: type[models.Model]) -> Any:
    """Return the class as a hashable key, which the type checker does not see in it."""
    return model


def _value(field: Any, row: models.Model, *, is_new: bool) -> Any:
    """Return a field's value as the database stores it."""
    value = field.get_db_prep_save(field.pre_save(row, is_new), connection=connection)
    return value.value if isinstance(value, enum.Enum) else value


@cache
def _insertion(model: Any, _vendor: str) -> tuple[str, list[Any], str | None]:
    """Return the SQL, its fields, and the attribute of the key that the database generates, if any."""
    options = model._meta  # noqa: SLF001 - the public way to a model's options
    automatic = options.auto_field
    fields = [field for field in options.local_concrete_fields if field is not automatic]
    query = InsertQuery(model)
    query.insert_values(fields, [model()])
    compiler: Any = query.get_compiler(DEFAULT_DB_ALIAS)
    compiler.returning_fields = [automatic] if automatic else []
    [(sql, _)] = compiler.as_sql()
    return sql, fields, automatic.attname if automatic else None


@cache
def _update(model: Any, names: tuple[str, ...], _vendor: str) -> tuple[str, list[Any]]:
    """Return the SQL and its fields, the key last."""
    options = model._meta  # noqa: SLF001 - the same
    quote = connection.ops.quote_name
    chosen = [options.get_field(name) for name in names]
    fields = chosen or [field for field in options.local_concrete_fields if not field.primary_key]
    columns = ", ".join(f"{quote(field.column)} = %s" for field in fields)
    sql = f"UPDATE {quote(options.db_table)} SET {columns} WHERE {quote(options.pk.column)} = %s"  # noqa: S608 - names of our models
    return sql, [*fields, options.pk]
