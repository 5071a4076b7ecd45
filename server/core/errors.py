"""Errors of the domain: a stable code and a sentence, no HTTP. ``core.problems`` gives each a status."""

from __future__ import annotations

from typing import Any, ClassVar


class DomainError(Exception):
    """Base of everything that a service refuses. ``detail`` is a sentence that a person understands."""

    code: ClassVar[str] = "refused"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        field: str | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.extra = extra
        self.specific_code = code or self.code


class NotVisibleError(DomainError):
    """The thing does not exist, or the actor may not know that it does."""

    code = "not_found"

    def __init__(self, detail: str = "There is nothing here, or you may not see it.") -> None:
        super().__init__(detail)


class NotAllowedError(DomainError):
    """The actor sees the thing but may not do this to it."""

    code = "not_allowed"


class ConflictError(DomainError):
    """Somebody else was faster, or the same thing exists already."""

    code = "conflict"


class StateError(DomainError):
    """The thing is not in a state in which this can be done."""

    code = "wrong_state"


class ContentError(DomainError):
    """The content handed in is well formed but cannot be accepted."""

    code = "invalid_content"


class TooOftenError(DomainError):
    """Asked again too soon; ``wait`` says in how many seconds it may be tried again."""

    code = "too_often"

    def __init__(self, detail: str, *, wait: int, code: str | None = None) -> None:
        super().__init__(detail, code=code, wait=wait)


class TooLargeError(DomainError):
    """More than this installation accepts."""

    code = "too_large"
