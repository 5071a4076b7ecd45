"""Error messages for people, without paths of this machine.

Errors of libraries carry the paths they worked on. A person who uses the product through a browser has no use
for them, and they tell a stranger how the server is laid out, so only the name of the file is kept.
"""

from __future__ import annotations

import os
import re
from functools import cache
from typing import Final

_LONGEST: Final = 300
_QUOTED: Final = re.compile(
    r"""(["'“`])((?:file://)?(?:/|[A-Za-z]:[\\/]|\\\\)[^"'”`\n]*?)([^/\\"'”`\n]*)(["'”`])"""
)
_PLAIN: Final = re.compile(
    r"""(?<![\w/\\.:@&?=%])(?:file://)?"""
    r"""(?P<folder>/(?:[^\s/\\"'<>|:;,()\[\]{}]+/)+|[A-Za-z]:[\\/](?:[^\s/\\"'<>|:;,()]+[\\/])*)"""
    r"""(?P<name>[^\s/\\"'<>|:;,()\[\]{}]*)"""
)
_DAMAGE: Final = re.compile(
    r"truncat|premature|corrupt|damaged|broken|unexpected (?:end|eof)|end of (?:file|data|image|stream)"
    r"|past (?:the )?end|short read|cut off|incomplete|not enough data|bogus|checksum|crc"
    r"|invalid (?:data|code|distance|block|huffman|jpeg|marker)|bad (?:huffman|marker|data)"
    r"|couldn't read|cannot read|failed to (?:read|decode)|decod(?:e|ing) (?:error|failed)",
    re.IGNORECASE,
)
_UNSUPPORTED: Final = re.compile(
    r"unsupported|not (?:supported|implemented|allowed)|unknown (?:compression|codec|format)", re.IGNORECASE
)
# Where servers keep things; beside these, every folder that is at the root of this machine.
_USUAL_ROOTS: Final = frozenset(
    {"app", "apps", "data", "etc", "home", "lib", "media", "mnt", "opt", "private", "proc", "root", "run"}
    | {"srv", "storage", "tmp", "users", "usr", "var", "volumes", "work"}
)


def reason_of(error: object) -> str:
    """Return the message of an error: one line, short, without paths; its type where it has no message.

    For an error of the operating system the cause alone is given, such as ``No space left on device``.
    """
    if isinstance(error, OSError) and error.strerror:
        return without_paths(error.strerror)
    text = str(error).strip()
    if isinstance(error, KeyError) or not text:
        text = f"{type(error).__name__} {text}".strip()
    return without_paths(text.splitlines()[0])[:_LONGEST]


def tells_damage(text: str) -> bool:
    """Return whether an error message speaks of damaged or missing bytes, not of an unsupported kind."""
    return bool(_DAMAGE.search(text)) and not _UNSUPPORTED.search(text)


def without_paths(text: str) -> str:
    """Return the text with every absolute path reduced to the name of its file."""
    text = _QUOTED.sub(lambda match: f"{match[1]}{match[3]}{match[4]}", text)
    return _PLAIN.sub(lambda match: match["name"] or "…", text)


def without_server_paths(text: str) -> str:
    """Return the text with paths of this machine reduced to names; other text with slashes stays.

    For values that may come from people, such as the name of a case.
    """
    if "/" not in text and "\\" not in text:
        return text
    return _PLAIN.sub(
        lambda match: match["name"] or "…" if _is_server_path(match["folder"]) else match[0], text
    )


def _is_server_path(folder: str) -> bool:
    first = re.split(r"[\\/]", folder)[1]
    return not folder.startswith("/") or first.lower() in _USUAL_ROOTS or first in _roots()


@cache
def _roots() -> frozenset[str]:
    """Return the names of the folders at the root of this machine."""
    try:
        with os.scandir("/") as entries:
            return frozenset(entry.name for entry in entries if entry.is_dir())
    except OSError:
        return frozenset()
