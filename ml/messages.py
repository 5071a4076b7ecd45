"""Messages for people: a code and its parameters, with one text for each code and language.

The texts are ``locales/en.json`` and ``locales/zh-CN.json``; the front end reads the same files. A
placeholder is ``{{name}}``, or ``{{name, number}}`` for a number with separators of thousands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, Final, Self

from ml.reasons import reason_of, without_server_paths

LOCALES: Final = Path(__file__).with_name("locales")
PLACEHOLDER: Final = re.compile(r"\{\{\s*(\w+)(, number)?\s*\}\}")

_ENGLISH: Final[Mapping[str, str]] = json.loads((LOCALES / "en.json").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True, init=False)
class Message:
    """A message for people. ``str(message)`` is its English text.

    Parameters
    ----------
    code
        Key of the text in the catalogues. Raises KeyError if the English catalogue lacks it.
    params
        Values of the placeholders; further ones may serve other languages. An error is replaced by its own
        message, or by its words (``ml.reasons.reason_of``).

    """

    code: str
    params: Mapping[str, str | int | float | Message]

    def __init__(self, code: str, /, **params: str | float | Message | BaseException) -> None:
        _ENGLISH[code]
        object.__setattr__(self, "code", code)
        object.__setattr__(self, "params", {name: _param(value) for name, value in params.items()})

    def __str__(self) -> str:
        """Return the English text."""
        return PLACEHOLDER.sub(self._fill, _ENGLISH[self.code])

    def __hash__(self) -> int:
        return hash((self.code, frozenset(self.params.items())))

    def _fill(self, blank: re.Match[str]) -> str:
        value = self.params[blank[1]]
        return f"{value:,}" if blank[2] else str(value)

    def as_json(self) -> dict[str, Any]:
        """Return ``code``, ``params`` and the English ``text``.

        Paths of this machine are reduced to the name of the file: JSON goes to people elsewhere.
        """
        return {
            "code": self.code,
            "params": {name: _shown(value) for name, value in self.params.items()},
            "text": without_server_paths(str(self)),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Return the message of ``as_json``; one that no longer fits the catalogue keeps its English text."""
        blanks = {blank[1] for blank in PLACEHOLDER.finditer(_ENGLISH.get(stored["code"], ""))}
        if stored["code"] not in _ENGLISH or not blanks <= stored["params"].keys():
            return cls("verbatim", text=stored["text"])
        params = {
            name: cls.from_json(value) if isinstance(value, Mapping) else value
            for name, value in stored["params"].items()
        }
        return cls(stored["code"], **params)


def join_messages(messages: Sequence[Message]) -> Message:
    """Return one message with the texts of one or more messages in a row."""
    return reduce(lambda first, second: Message("messages_joined", first=first, second=second), messages)


def _param(value: str | float | Message | BaseException) -> str | int | float | Message:
    if not isinstance(value, BaseException):
        return value
    detail = getattr(value, "detail", None)
    return detail if isinstance(detail, Message) else reason_of(value)


def _shown(value: str | float | Message) -> Any:
    if isinstance(value, Message):
        return value.as_json()
    return without_server_paths(value) if isinstance(value, str) else value
