"""Reading request bodies."""

from __future__ import annotations

from typing import Any

from rest_framework import exceptions, parsers


class JSONParser(parsers.JSONParser):
    """JSON whose nesting ends before Python's stack does."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """Return the document; raises ParseError also for one that is nested without end."""
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            message = "JSON parse error - nested too deeply."
            raise exceptions.ParseError(message) from error
