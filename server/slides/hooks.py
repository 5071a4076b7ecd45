"""Registry of callbacks and counts for downstream apps.

They register in their ``AppConfig.ready``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from django.db.models.expressions import Combinable

if TYPE_CHECKING:
    from server.accounts.models import User
    from server.slides.models import Slide

ReadyHook = Callable[["User", "Slide"], None]
DeletedHook = Callable[["Slide"], None]
Count = Callable[[], Combinable]

_ready_hooks: Final[dict[str, ReadyHook]] = {}
_deleted_hooks: Final[dict[str, DeletedHook]] = {}
_counts: Final[dict[str, Count]] = {}


def on_slide_ready(name: str, hook: ReadyHook) -> None:
    """Register ``hook(actor, slide)``, called inside the transaction that makes a slide ready.

    It may enqueue a job (dispatched on commit); an error that it raises fails the import.
    """
    _ready_hooks[name] = hook


def ready_hooks() -> tuple[ReadyHook, ...]:
    """Return the registered hooks in order."""
    return tuple(_ready_hooks.values())


def on_slide_deleted(name: str, hook: DeletedHook) -> None:
    """Register a function to call with each slide that is deleted, before its rows and in their transaction.

    It deletes files on commit.
    """
    _deleted_hooks[name] = hook


def deleted_hooks() -> tuple[DeletedHook, ...]:
    """Return the registered hooks in order."""
    return tuple(_deleted_hooks.values())


def register_count(name: str, count: Count) -> None:
    """Register a number per slide for the gallery: ``count()`` gives an expression for the queryset.

    Use a ``Subquery`` over ``OuterRef("pk")``, wrapped in ``Coalesce``, so that the list stays one query.
    """
    _counts[name] = count


def counts() -> dict[str, Combinable]:
    """Return a new expression for every registered number."""
    return {name: count() for name, count in _counts.items()}
