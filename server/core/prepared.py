"""Prepared queries, compiled to SQL once: building a queryset costs more than running it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.models.query import get_related_populators

M = TypeVar("M", bound=models.Model)

# Stand in for the arguments while a query is compiled; no query has them as constants.
_SENTINELS: Final[dict[type, Callable[[int], Any]]] = {
    UUID: lambda number: UUID(int=2**127 + number),
    str: lambda number: f"argument {number} of a prepared query",
    float: lambda number: -(1e300 + number * 1e290),
}


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
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, parameters)
            rows = cursor.fetchall()
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
