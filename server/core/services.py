"""The decorator of every write: one transaction that fails without an audit record."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, ParamSpec, TypeVar

from django.db import connection, transaction

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(slots=True)
class _Run:
    """One running service: its audit records, and whether it declared that it changed nothing."""

    records: int = 0
    idle: bool = False


# Entered again by a service that another one calls on commit.
_sqlite_writer: Final = threading.RLock()
_running: ContextVar[_Run | None] = ContextVar("running_service", default=None)


class LockedWorkError(RuntimeError):
    """Expensive work ran inside a service, while others wait for its locks: a bug of the service."""


class UnauditedWriteError(RuntimeError):
    """A service ended without an audit record: a bug of the service, so nothing is committed."""


def _turn_to_write() -> AbstractContextManager[object]:
    """Return a lock that serialises the writes of a process's threads to SQLite.

    SQLite itself has waiting writers sleep and try again, up to 0.1 s each time and in no order.
    """
    is_shared = connection.vendor != "sqlite" or connection.in_atomic_block
    return nullcontext() if is_shared else _sqlite_writer


def note_audit_record() -> None:
    """Register an audit record with the running service; the audit app calls this."""
    run = _running.get()
    if run is not None:
        run.records += 1


def service(function: Callable[P, R]) -> Callable[P, R]:
    """Run a write atomically and refuse to commit unless it left an audit record.

    A service that finds nothing to do (the state has moved on, the same request came twice) calls
    ``nothing_written`` to say so.
    """

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        outer, run = _running.get(), _Run()
        token = _running.set(run)
        try:
            with _turn_to_write(), transaction.atomic():
                result = function(*args, **kwargs)
                if not (run.records or run.idle):
                    message = f"{function.__module__}.{function.__qualname__} left no audit record"
                    raise UnauditedWriteError(message)
        finally:
            _running.reset(token)
        if outer is not None:
            outer.records += run.records
        return result

    wrapper.is_service = True  # type: ignore[attr-defined]
    return wrapper


def prepared_by(prepare: Callable[..., dict[str, Any]]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Run a preparation before the transaction of a service.

    ``prepare`` authorises, takes the keyword arguments of the service, and returns those that it replaces. An
    argument that a caller has prepared already costs it nothing.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            return function(*args, **{**kwargs, **prepare(**kwargs)})

        return wrapper

    return decorate


def before_services(function: Callable[P, R]) -> Callable[P, R]:
    """Mark expensive work; raises LockedWorkError inside a service."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        if _running.get() is not None:
            message = f"{function.__module__}.{function.__qualname__} ran inside a service; prepare it before"
            raise LockedWorkError(message)
        return function(*args, **kwargs)

    return wrapper


def nothing_written() -> None:
    """Declare that the running service changed nothing, so that it needs no audit record.

    A service that called it still owes its own.
    """
    run = _running.get()
    if run is not None:
        run.idle = True
