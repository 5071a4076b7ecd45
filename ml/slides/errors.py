"""What can go wrong with a slide file."""

from __future__ import annotations


class SlideError(Exception):
    """A slide cannot be opened or read.

    ``code`` is stable and meant for programs: ``missing``, ``not_a_slide``, ``unsupported``,
    ``too_large``, ``several_channels`` or ``unreadable``. The detail is a sentence for people.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail

    def __str__(self) -> str:
        """Return the detail. Both parts are arguments, so that the error can cross to another process."""
        return str(self.detail)
