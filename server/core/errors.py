"""Domain errors: a stable code and a message, no HTTP. ``core.problems`` maps them to a status."""

from __future__ import annotations

from typing import Any, ClassVar

from ml.messages import Message


class DomainError(Exception):
    """Base of every error that a service raises.

    ``detail`` is a message for people. ``specific_code`` is for programs: that of the message, unless a
    class or a call names one that several messages share.
    """

    code: ClassVar[str] = ""

    def __init__(
        self,
        detail: Message,
        *,
        code: str | None = None,
        field: str | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.extra = extra
        self.specific_code = code or self.code or detail.code


class NotVisibleError(DomainError):
    """The object does not exist, or the actor may not know that it does."""

    code = "not_found"

    def __init__(self, detail: Message | None = None) -> None:
        super().__init__(detail or Message("not_found"))


class NotAllowedError(DomainError):
    """The actor sees the object but lacks the permission for this action."""

    code = "not_allowed"


class ConflictError(DomainError):
    """Another request was faster, or the object exists already."""


class StateError(DomainError):
    """The object's state does not allow this action."""


class ContentError(DomainError):
    """The content is well formed but invalid."""


class TooOftenError(DomainError):
    """Too many requests; ``wait`` is the number of seconds until the next attempt."""

    def __init__(self, detail: Message, *, wait: int, code: str | None = None) -> None:
        super().__init__(detail, code=code, wait=wait)


class TooLargeError(DomainError):
    """The content exceeds a limit of this installation."""

    code = "too_large"
