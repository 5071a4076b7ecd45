"""Read the class of a shape from the properties of any program, and keep names distinct."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from ml.storage.names import clean_name, refused_character
from server.exchange.formats.colours import read_colour

LONGEST_NAME: Final = 100
# Breaks and tabs within a name: spaces on one line.
_BREAKS: Final = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
# Most specific first; ``group`` and ``layer`` are those of the Digital Slide Archive.
KEYS: Final = (
    "classification", "class", "class_name", "classname", "pathclass", "label", "label_name", "category",
    "cell_type", "class_id", "cls", "group", "layer",
)  # fmt: skip
_NAMES: Final = ("name", "names", "value", "label", "class", "classification", "title")
_COLOURS: Final = ("color", "colour", "colorRGB", "rgb", "hex")
_OBJECT_COLOURS: Final = ("color", "colour", "lineColor", "stroke", "fill")
# What programs write where an object has no class.
_NOTHING: Final = frozenset({"", "none", "null", "nan"})
# The group and the layer of those who made none.
_DEFAULT_GROUP: Final = "default"
_PLAIN: Final = frozenset({"name", "color"})
_MOST_CHANNELS: Final = 4
_LONGEST_TEXT: Final = 10_000
_DEEPEST: Final = 4
_HASH: Final = 8


def read_class(properties: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return name and colour of the class in the properties of a feature; None where there is none."""
    name, colour = _read_plain(properties.get("classification"))
    if name is None:
        key = _key_of(properties)
        if key is None:
            return None, None
        name, colour = parse_class(properties[key])
    if colour is None:
        colour = next((c for k in _OBJECT_COLOURS if (c := read_colour(properties.get(k)))), None)
    return name, colour


def _read_plain(value: Any) -> tuple[str | None, str | None]:
    """Return the class of QuPath's usual object, from the cache; None for any other form."""
    if not isinstance(value, dict) or not isinstance(value.get("name"), str) or not value.keys() <= _PLAIN:
        return None, None
    colour = value.get("color")
    if not isinstance(colour, list | None) or len(colour or ()) > _MOST_CHANNELS:
        return None, None
    try:
        # With their types: 1 and 1.0 are equal, but not the same channel.
        return _parse_plain(value["name"], *((type(part), part) for part in colour or ()))
    except TypeError:
        return None, None


@lru_cache(maxsize=4096)
def _parse_plain(name: str, *colour: tuple[type, Any]) -> tuple[str | None, str | None]:
    return parse_class({"name": name, "color": [part for _, part in colour]})


def parse_class(value: Any) -> tuple[str | None, str | None]:
    """Return name and colour of a class: a text, a number, a list, an object, or one of them as JSON text."""
    name, colour = _parse(value, 0)
    return shorten_name(name), colour


@lru_cache(maxsize=4096)
def shorten_name(name: str | None) -> str | None:
    """Return a class name that can be stored, None for an empty one.

    A longer one than ``LONGEST_NAME`` is cut, and characters that no name may hold are left out; the name
    then ends in a hash of the whole, so that two names stay two.
    """
    given = _BREAKS.sub(" ", storable(name or "")).strip()
    text = clean_name(given, len(given))
    if not text or (len(text) <= LONGEST_NAME and refused_character(given) is None):
        return text or None
    digest = hashlib.sha256(given.encode()).hexdigest()[:_HASH]
    return f"{text[: LONGEST_NAME - _HASH - 2].rstrip()}… {digest}"


def storable(text: Any) -> str:
    """Return text without characters that no database stores: null and halves of surrogate pairs."""
    return _UNSTORABLE.sub("", str(text))


def _key_of(properties: Mapping[str, Any]) -> str | None:
    """Return the key of the first property that holds a class."""
    exact = [key for key in KEYS if key in properties]
    by_case = {} if exact else {str(key).lower(): key for key in properties}
    keys = exact or [by_case[key] for key in KEYS if key in by_case]
    if "type_prob" in properties and "type" in properties:  # HoVer-Net and TIAToolbox
        keys.append("type")
    # Of the Digital Slide Archive the group is the class and the label a text beside it.
    if isinstance(properties.get("label"), Mapping) and "group" in properties:
        keys.sort(key=lambda key: key != "group")
    return next((key for key in keys if _holds_class(key, properties[key])), None)


def _holds_class(key: str, value: Any) -> bool:
    if key in {"group", "layer"} and isinstance(value, str) and value.strip().lower() == _DEFAULT_GROUP:
        return False
    return _parse(value, 0)[0] is not None


def _parse(value: Any, depth: int) -> tuple[str | None, str | None]:
    if depth > _DEEPEST:
        return None, None
    if isinstance(value, str):
        decoded = _decode(value.strip())
        if decoded is not None:
            return _parse(decoded, depth + 1)
        return (None if value.strip().lower() in _NOTHING else value.strip()), None
    if isinstance(value, Mapping):
        return _parse_object(value, depth)
    if isinstance(value, list | tuple):
        names = [name for item in value if (name := _parse(item, depth + 1)[0]) is not None]
        colours = [colour for item in value if (colour := _parse(item, depth + 1)[1]) is not None]
        return ": ".join(names) or None, colours[0] if len(names) == 1 and colours else None
    return _number_name(value), None


def _parse_object(value: Mapping[str, Any], depth: int) -> tuple[str | None, str | None]:
    names = (_parse(value[key], depth + 1)[0] for key in _NAMES if key in value)
    name = next((name for name in names if name is not None), None)
    return name, next((c for key in _COLOURS if (c := read_colour(value.get(key)))), None)


def _number_name(value: Any) -> str | None:
    """Return the name of a class given as a number: 0 is a class, a number of hundreds of digits is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 2**63:
        return None
    return str(int(value)) if value == int(value) and abs(value) < 2**53 else str(value)


def _decode(text: str) -> Any:
    """Return the object or list that a text holds, as JSON or as Python writes it; None for plain text."""
    if text[:1] not in {"{", "[", '"'} or len(text) > _LONGEST_TEXT:
        return None
    for parse in (json.loads, ast.literal_eval):
        try:
            decoded = parse(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(decoded, dict | list | str):
            return decoded
    return None
