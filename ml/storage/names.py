"""Rules for names of files, folders, cases, labels, projects, people and channels.

Every printable character and every space of any script is allowed, and so are joiners, which Persian, Indic
scripts and emoji need. Refused are characters that hide or reorder the rest of the name: control characters,
line and paragraph separators, bidirectional embeddings, overrides and isolates (Unicode Annex 9), halves of
surrogate pairs and code points that Unicode reserves. Names are kept in normalisation form C (Annex 15).
"""

from __future__ import annotations

import unicodedata
from typing import Final

_REFUSED_CATEGORIES: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
_BIDI_CONTROLS: Final = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
# Deprecated format characters and the anchors of interlinear annotation: invisible, and of no script.
_DEPRECATED: Final = frozenset(map(chr, [*range(0x206A, 0x2070), *range(0xFFF9, 0xFFFC)]))
_INVISIBLE: Final = frozenset({"Cf", "Zs", "Mn", "Me"})


def refused_character(text: str) -> str | None:
    """Return the first character that no name may hold, or None."""
    return next((character for character in text if _is_refused(character)), None)


def describe_character(character: str) -> str:
    """Return code point and Unicode name, for instance ``U+202E RIGHT-TO-LEFT OVERRIDE``."""
    name = unicodedata.name(character, "") or _CONTROL_NAMES.get(character, "control character")
    return f"U+{ord(character):04X} {name}"


def normal_name(text: str) -> str:
    """Return the name as it is stored: normalisation form C."""
    return unicodedata.normalize("NFC", text)


def fold_name(text: str) -> str:
    """Return the name without differences of letter case and Unicode composition, for comparison."""
    return normal_name(text).casefold()


def is_visible(text: str) -> bool:
    """Return whether a name has any visible character."""
    return any(unicodedata.category(character) not in _INVISIBLE for character in text)


def clean_name(text: str, longest: int) -> str:
    """Return a name read from a file: refused characters dropped, spaces trimmed, at most ``longest``.

    The result is empty when nothing visible is left.
    """
    kept = "".join(character for character in text if not _is_refused(character))
    name = normal_name(kept).strip()[:longest].strip()
    return name if is_visible(name) else ""


def _is_refused(character: str) -> bool:
    return (
        unicodedata.category(character) in _REFUSED_CATEGORIES
        or unicodedata.bidirectional(character) in _BIDI_CONTROLS
        or character in _DEPRECATED
        or (ord(character) & 0xFFFE) == 0xFFFE  # noqa: PLR2004 - the last two code points of each plane
        or 0xFDD0 <= ord(character) <= 0xFDEF  # noqa: PLR2004 - reserved for processes, never for text
    )


_CONTROL_NAMES: Final = {
    "\0": "NULL",
    "\t": "TAB",
    "\n": "LINE FEED",
    "\r": "CARRIAGE RETURN",
    "\x1b": "ESCAPE",
    "\x7f": "DELETE",
}
