"""What can go wrong with a slide file."""

from __future__ import annotations


class SlideError(Exception):
    """A slide cannot be opened or read.

    ``code`` is stable and meant for programs: ``missing``, ``not_a_slide``, ``unsupported``,
    ``too_large``, ``several_channels`` or ``unreadable``. The message is a sentence for people.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
