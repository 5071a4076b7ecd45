"""The shape of every write: one transaction that refuses to finish without an audit record."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from django.db import transaction

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(slots=True)
class _Run:
    """One service that is running: what it has put on record, and whether it says it changed nothing."""

    records: int = 0
    idle: bool = False


_running: ContextVar[_Run | None] = ContextVar("running_service", default=None)


class UnauditedWriteError(RuntimeError):
    """A service ended without an audit record: a defect of the service, so nothing is committed."""


def note_audit_record() -> None:
    """Tell the running service that an audit record was written; the audit app calls this."""
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
            with transaction.atomic():
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


def nothing_written() -> None:
    """Say that the running service changed nothing, so that it owes no audit record.

    A service that called it still owes its own.
    """
    run = _running.get()
    if run is not None:
        run.idle = True
