"""Prepared statements, compiled to SQL once: building a queryset costs more than running it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.db.models.query import get_related_populators

M = TypeVar("M", bound=models.Model)

# Stand in for the arguments while a query is compiled; no query has them as constants.
_SENTINELS: Final[dict[type, Callable[[int], Any]]] = {
    UUID: lambda number: UUID(int=2**127 + number),
    str: lambda number: f"argument {number} of a prepared query",
    float: lambda number: -(1e300 + number * 1e290),
}


class _KeptCursor(threading.local):
    """The cursor of a thread, and the connection that it belongs to."""

    raw: Any = None
    cursor: Any = None


_kept: Final = _KeptCursor()


def run_statement(sql: str, parameters: Sequence[Any]) -> list[Any]:
    """Execute one statement of the default database; return its rows, none for a statement without.

    On PostgreSQL each thread keeps one cursor, whose parameters go beside the statement. Django makes a
    cursor for each statement and writes the parameters into it, which costs more than sending it.
    """
    database: Any = connections[DEFAULT_DB_ALIAS]
    if database.vendor != "postgresql" or database.queries_logged or database.execute_wrappers:
        with database.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []
    database.close_if_health_check_failed()
    database.ensure_connection()
    database.validate_no_broken_transaction()
    with database.wrap_database_errors:
        if _kept.raw is not database.connection:
            _kept.raw, _kept.cursor = database.connection, _make_cursor(database.connection)
        _kept.cursor.execute(sql, parameters)
        # Its description is an object for each column, which nobody needs.
        return _kept.cursor.fetchall() if _kept.cursor.pgresult.nfields else []


def _make_cursor(raw: Any) -> Any:
    from django.db.backends.postgresql.base import ServerBindingCursor  # noqa: PLC0415 - needs its driver

    make: Any = ServerBindingCursor
    return make(raw)


@dataclass(frozen=True, slots=True)
class _Statement:
    """SQL with its parameters; those in ``places`` (parameter, argument) are bound at each call."""

    sql: str
    parameters: tuple[Any, ...]
    places: tuple[tuple[int, int], ...]
    compiler: Any
    converters: dict[int, Any]
    names: list[str]
    columns: slice
    populators: list[Any]


class PreparedQuery(Generic[M]):
    """A queryset of model instances whose SQL is cached per kind of database.

    ``build`` gets an argument for each of ``types`` (``UUID``, ``str`` or ``float``) and returns the
    queryset, which may use ``select_related``, ``defer`` and ``select_for_update``.
    """

    def __init__(self, build: Callable[..., models.QuerySet[M]], *types: type) -> None:
        self._build, self._types = build, types
        self._statements: dict[str, _Statement] = {}

    def __call__(self, *values: Any) -> list[M]:
        """Return the rows for these values."""
        statement = self._statements.get(connection.vendor) or self._compile()
        parameters = list(statement.parameters)
        for place, argument in statement.places:
            kind = self._types[argument]
            value = values[argument]
            parameters[place] = _adapt(value if isinstance(value, kind) else kind(str(value)))
        rows = run_statement(statement.sql, parameters)
        if statement.converters:
            rows = statement.compiler.apply_converters(rows, statement.converters)
        return [self._instance(statement, row) for row in rows]

    def first(self, *values: Any) -> M | None:
        """Return the first row for these values, None without one."""
        return next(iter(self(*values)), None)

    def _compile(self) -> _Statement:
        arguments = [_SENTINELS[kind](number) for number, kind in enumerate(self._types)]
        compiler = self._build(*arguments).query.get_compiler(DEFAULT_DB_ALIAS)
        sql, parameters = compiler.as_sql()
        adapted = {_adapt(argument): number for number, argument in enumerate(arguments)}
        places = tuple((place, adapted[value]) for place, value in enumerate(parameters) if value in adapted)
        chosen = compiler.klass_info["select_fields"]
        columns = slice(chosen[0], chosen[-1] + 1)
        statement = _Statement(
            sql=sql,
            parameters=tuple(parameters),
            places=places,
            compiler=compiler,
            converters=compiler.get_converters([column[0] for column in compiler.select]),
            names=[column[0].target.attname for column in compiler.select[columns]],
            columns=columns,
            # The stubs describe a later Django, with one more argument.
            populators=get_related_populators(  # type: ignore[call-arg]
                compiler.klass_info, compiler.select, DEFAULT_DB_ALIAS
            ),
        )
        self._statements[connection.vendor] = statement
        return statement

    def _instance(self, statement: _Statement, row: Any) -> M:
        model = statement.compiler.klass_info["model"]
        instance: M = model.from_db(DEFAULT_DB_ALIAS, statement.names, row[statement.columns])
        for populator in statement.populators:
            populator.populate(row, instance)
        return instance


def _adapt(value: Any) -> Any:
    """Return a value as the database stores it."""
    if isinstance(value, UUID) and not connection.features.has_native_uuid_field:
        return value.hex
    return value
