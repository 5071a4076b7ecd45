"""Names of exported files: safe to unpack on Linux, macOS and Windows, in every script."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Final
from urllib.parse import quote

# Most file systems take 255 bytes; the rest is for " (2)" of a browser and the folder around it.
MOST_BYTES: Final = 200
UNNAMED: Final = "unnamed"
HASH_DIGITS: Final = 8

# Path separators and the other characters that Windows refuses or reads as a stream of the file.
_REFUSED: Final = frozenset('/\\<>:"|?*')
_BIDI_OVERRIDES: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_CONTROLS: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file#naming-conventions
_DEVICES: Final = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3]) *(?:\.|$)", re.IGNORECASE
)
_JOINERS: Final = frozenset("\u200c\u200d")
_EDGE: Final = " ."


def safe_file_name(name: str, ending: str = "", *, mark: str = "") -> str:
    """Return a file name for ``name`` that every system can unpack.

    Letters, marks and joiners of all scripts are kept, in Unicode's composed form (NFC). Path separators,
    control characters, bidi overrides and names and characters that Windows refuses are replaced.

    Parameters
    ----------
    name
        Name as a person wrote it, without an ending.
    ending
        Ending such as ``.geojson``; it is never cut.
    mark
        Text put before the ending to tell equal names apart; it is never cut.

    Returns
    -------
    str
        At most 200 bytes of UTF-8, the ending included. A longer name is cut between characters and carries
        a hash of the whole name.

    """
    stem = "".join(_replaced(letter) for letter in unicodedata.normalize("NFC", name)).rstrip(_EDGE)
    if stem.startswith("."):
        stem = f"_{stem[1:]}"
    if _DEVICES.match(stem + ending):
        stem = f"_{stem}"
    stem = stem or UNNAMED
    room = MOST_BYTES - len(f"{mark}{ending}".encode())
    if len(stem.encode()) > room:
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_DIGITS]
        stem = f"{_cut(stem, room - HASH_DIGITS - 1).rstrip(_EDGE)}-{digest}"
    return f"{stem}{mark}{ending}"


def _replaced(letter: str) -> str:
    is_refused = letter in _REFUSED or letter in _BIDI_OVERRIDES or unicodedata.category(letter) in _CONTROLS
    return "_" if is_refused else letter


def _cut(text: str, most_bytes: int) -> str:
    """Return text cut to so many bytes of UTF-8, never between a letter and its marks or joiners."""
    end = len(text.encode()[:most_bytes].decode("utf-8", "ignore"))
    while 0 < end < len(text) and (_is_attached(text[end]) or text[end - 1] in _JOINERS):
        end -= 1
    return text[:end]


def _is_attached(letter: str) -> bool:
    return unicodedata.category(letter).startswith("M") or letter in _JOINERS


class DistinctNames:
    """File names of one archive, no two equal on a system that ignores case, composition and joiners."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, name: str, ending: str, *, identity: str) -> str:
        """Return the file name for ``name``, with a hash of ``identity`` where the plain name is taken."""
        digest = hashlib.sha256(identity.encode()).hexdigest()[:HASH_DIGITS]
        count, file_name = 1, safe_file_name(name, ending)
        while self._key(file_name) in self._taken:
            mark = f"-{digest}" if count == 1 else f"-{digest}-{count}"
            count, file_name = count + 1, safe_file_name(name, ending, mark=mark)
        self._taken.add(self._key(file_name))
        return file_name

    @staticmethod
    def _key(file_name: str) -> str:
        folded = unicodedata.normalize("NFKC", file_name).upper().casefold()
        return "".join(letter for letter in folded if unicodedata.category(letter) != "Cf")


def attachment_header(name: str, ending: str) -> str:
    """Return a ``Content-Disposition`` (RFC 6266) that saves an answer under this name.

    ``filename`` holds the ASCII part for programs that know no ``filename*`` (RFC 8187, UTF-8).
    """
    file_name = safe_file_name(name, ending)
    plain = "".join(letter if " " <= letter <= "~" else "_" for letter in file_name)
    plain = plain.replace("%", "_").replace(";", "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"
