"""What can go wrong with a slide file."""

from __future__ import annotations


class SlideError(Exception):
    """A slide cannot be opened or read.

    ``code`` is stable and meant for programs: ``missing``, ``not_a_slide``, ``unsupported``,
    ``too_large``, ``several_channels`` or ``unreadable``. The message is a sentence for people.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code

    def __str__(self) -> str:
        """Return the sentence. Both parts are arguments, so that the error can cross to another process."""
        return str(self.args[1])
