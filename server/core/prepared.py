"""Prepared statements, compiled to SQL once: building a queryset costs more than running it."""

from __future__ import annotations

import select
import sys
import threading
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar, overload
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
    if not database.health_check_done and database.connection and _is_silent(database.connection):
        database.health_check_done = True
    database.close_if_health_check_failed()
    database.ensure_connection()
    database.validate_no_broken_transaction()
    with database.wrap_database_errors:
        if _kept.raw is not database.connection:
            _kept.raw, _kept.cursor = database.connection, _make_cursor(database.connection)
        _kept.cursor.execute(sql, parameters)
        # Its description is an object for each column, which nobody needs.
        return _kept.cursor.fetchall() if _kept.cursor.pgresult.nfields else []


def _is_silent(raw: Any) -> bool:
    """Return whether an idle connection is open and has received nothing, as the end of the server is.

    Django tests a connection by a statement before the first one of each request, which this saves.
    """
    if raw.closed:
        return False
    poll = select.poll()
    poll.register(raw.fileno(), select.POLLIN)
    return not poll.poll(0)


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
    types: tuple[type, ...]

    def run(self, values: Sequence[Any], limit: Sequence[int] = ()) -> list[Any]:
        """Execute the statement for these values; return its rows, or of ``limit`` (count, start)."""
        parameters = list(self.parameters)
        for place, argument in self.places:
            kind = self.types[argument]
            value = values[argument]
            parameters[place] = _adapt(value if isinstance(value, kind) else kind(str(value)))
        if limit:
            return run_statement(f"{self.sql} LIMIT %s OFFSET %s", [*parameters, *limit])
        return run_statement(self.sql, parameters)


def _compile(build: Callable[..., models.QuerySet[Any]], types: tuple[type, ...]) -> tuple[_Statement, Any]:
    """Return the statement of a queryset, and Django's compiler, which knows its columns."""
    arguments = [_SENTINELS[kind](number) for number, kind in enumerate(types)]
    compiler: Any = build(*arguments).query.get_compiler(DEFAULT_DB_ALIAS)
    sql, parameters = compiler.as_sql()
    adapted = {_adapt(argument): number for number, argument in enumerate(arguments)}
    places = tuple((place, adapted[value]) for place, value in enumerate(parameters) if value in adapted)
    return _Statement(sql, tuple(parameters), places, types), compiler


class _Instances:
    """Conversion of rows to instances of a model, with those of ``select_related`` and annotations."""

    def __init__(self, compiler: Any) -> None:
        self._compiler = compiler
        self._converters = compiler.get_converters([column[0] for column in compiler.select])
        chosen = compiler.klass_info["select_fields"]
        self._model: Any = compiler.klass_info["model"]
        self._columns = slice(chosen[0], chosen[-1] + 1)
        self._names = [column[0].target.attname for column in compiler.select[self._columns]]
        self._annotations = tuple(compiler.annotation_col_map.items())
        # The stubs describe a later Django, with one more argument.
        populators = get_related_populators(  # type: ignore[call-arg]
            compiler.klass_info, compiler.select, DEFAULT_DB_ALIAS
        )
        infos = compiler.klass_info.get("related_klass_infos", ())
        self._relations = [_Relation(*both) for both in zip(infos, populators, strict=True)]

    def of(self, rows: Iterable[Any]) -> list[Any]:
        """Return the instances of rows. Those that refer to the same row share its instance."""
        if self._converters:
            rows = self._compiler.apply_converters(rows, self._converters)
        known: dict[Hashable, Any] = {}
        return [self._instance(row, known) for row in rows]

    def _instance(self, row: Any, known: dict[Hashable, Any]) -> Any:
        instance = self._model.from_db(DEFAULT_DB_ALIAS, self._names, row[self._columns])
        for relation in self._relations:
            relation.set(row, instance, known)
        for name, place in self._annotations:
            setattr(instance, name, row[place])
        return instance


class _Relation:
    """A relation of ``select_related``, by which several rows may refer to the same one."""

    def __init__(self, info: dict[str, Any], populator: Any) -> None:
        self._field, self._populator = info["field"], populator
        is_shared = not info["reverse"] and not self._field.unique
        self._key_place = populator.cols_start + populator.pk_idx if is_shared else None

    def set(self, row: Any, instance: Any, known: dict[Hashable, Any]) -> None:
        """Set the related instance; ``known`` holds those of earlier rows."""
        key = None if self._key_place is None else row[self._key_place]
        if (self, key) in known:
            self._field.set_cached_value(instance, known[self, key])
            return
        self._populator.populate(row, instance)
        if key is not None:
            known[self, key] = self._field.get_cached_value(instance)


class PreparedQuery(Generic[M]):
    """A queryset of model instances whose SQL is cached per kind of database.

    ``build`` gets an argument for each of ``types`` (``UUID``, ``str`` or ``float``) and returns the
    queryset, which may use ``select_related``, ``defer``, ``annotate`` and ``select_for_update``.
    """

    def __init__(self, build: Callable[..., models.QuerySet[M]], *types: type) -> None:
        self._build, self._types = build, types
        self._compiled: dict[str, tuple[_Statement, _Instances]] = {}

    def __call__(self, *values: Any) -> list[M]:
        """Return the rows for these values."""
        return self._rows(values)

    def first(self, *values: Any) -> M | None:
        """Return the first row for these values, None without one."""
        return next(iter(self(*values)), None)

    def _rows(self, values: Sequence[Any], limit: Sequence[int] = ()) -> list[M]:
        vendor = connection.vendor
        if vendor not in self._compiled:
            statement, compiler = _compile(self._build, self._types)
            self._compiled[vendor] = statement, _Instances(compiler)
        statement, instances = self._compiled[vendor]
        return instances.of(statement.run(values, limit))


class PreparedList(PreparedQuery[M]):
    """A prepared queryset that is read in pages: ``bind`` gives its rows for some values.

    Its annotations may be subqueries, not aggregates, which would group the rows that are counted.
    """

    def __init__(self, build: Callable[..., models.QuerySet[M]], *types: type) -> None:
        super().__init__(build, *types)
        self._counts: dict[str, _Statement] = {}

    def bind(self, *values: Any) -> BoundList[M]:
        """Return the rows for these values, which are read when they are sliced."""
        return BoundList(self, values)

    def queryset(self, values: Sequence[Any]) -> models.QuerySet[M]:
        """Return the queryset itself, for filters."""
        return self._build(*values)

    def rows(self, values: Sequence[Any], start: int, count: int) -> list[M]:
        """Return at most ``count`` rows from ``start`` on."""
        return self._rows(values, (count, start))

    def count(self, values: Sequence[Any]) -> int:
        """Return the number of rows."""
        vendor = connection.vendor
        if vendor not in self._counts:
            self._counts[vendor], _ = _compile(self._counted, self._types)
        [(count,)] = self._counts[vendor].run(values)
        return int(count)

    def _counted(self, *values: Any) -> models.QuerySet[Any, Any]:
        # An aggregate would group the rows.
        number = models.Func(template="COUNT(*)", output_field=models.IntegerField())
        rows = self._build(*values).select_related(None).defer(None).order_by()
        return rows.annotate(number_of_rows=number).values_list("number_of_rows")


class BoundList(Sequence[M]):
    """The rows of a PreparedList for some values: slices and the length are read when they are asked for."""

    # Django's paginator looks.
    ordered: Final = True

    def __init__(self, prepared: PreparedList[M], values: Sequence[Any]) -> None:
        self._prepared, self._values = prepared, values

    @overload
    def __getitem__(self, place: int) -> M: ...

    @overload
    def __getitem__(self, place: slice) -> list[M]: ...

    def __getitem__(self, place: int | slice) -> M | list[M]:
        """Return a row, or those of a slice."""
        if isinstance(place, int):
            return self._prepared.rows(self._values, place, 1)[0]
        start, stop, _ = place.indices(sys.maxsize if place.stop is not None else len(self))
        return self._prepared.rows(self._values, start, max(0, stop - start))

    def __len__(self) -> int:
        return self._prepared.count(self._values)

    def queryset(self) -> models.QuerySet[M]:
        """Return the rows as a queryset, for filters."""
        return self._prepared.queryset(self._values)


def _adapt(value: Any) -> Any:
    """Return a value as the database stores it."""
    if isinstance(value, UUID) and not connection.features.has_native_uuid_field:
        return value.hex
    return value
