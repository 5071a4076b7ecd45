"""Read colours as programs write them: lists, packed integers, hexadecimal and CSS."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

_BYTE: Final = 255
_PACKED: Final = 0xFFFFFFFF
_HEX: Final = re.compile(r"(#|0x|)([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})", re.IGNORECASE)
_CSS: Final = re.compile(r"rgba?\(([^()]*)\)", re.IGNORECASE)
_INTEGER: Final = re.compile(r"-?\d{1,10}")
_SHORT, _CHANNELS, _WITH_ALPHA = (3, 4), 3, 4
_PARTS: Final = (("r", "g", "b"), ("red", "green", "blue"))


def read_colour(value: Any) -> str | None:
    """Return ``#rrggbb`` for a colour of a file, None for anything else.

    A list holds three or four channels, from 0 to 255 or, where one is a fraction, from 0 to 1. An integer is
    ARGB as Java packs it, which may be negative. A text is hexadecimal (#rgb, #rrggbb, #rrggbbaa, 0x...), CSS
    (``rgb(...)``, ``rgba(...)``) or an integer. Opacity is dropped.
    """
    if isinstance(value, str):
        return _from_text(value.strip())
    if isinstance(value, Mapping):
        return next(
            (_from_channels([value[k] for k in keys]) for keys in _PARTS if set(keys) <= set(value)), None
        )
    if isinstance(value, Sequence):
        return _from_channels(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not -(2**31) <= value <= _PACKED or value != int(value):
        return None
    return f"#{int(value) & 0xFFFFFF:06x}"


def _from_text(text: str) -> str | None:
    css = _CSS.fullmatch(text)
    if css:
        return _from_css(re.split(r"[\s,/]+", css[1].strip()))
    packed = _INTEGER.fullmatch(text)
    digits = _HEX.fullmatch(text)
    # Without a prefix 123456 and 65280 are integers, a0b1c2 is hexadecimal.
    if packed and not (digits and digits[1]):
        return read_colour(int(text))
    return _from_digits(digits[1].lower(), digits[2].lower()) if digits else None


def _from_digits(prefix: str, digits: str) -> str:
    """Return a colour of hexadecimal digits: #rrggbbaa as in CSS, 0xaarrggbb as in programs."""
    if len(digits) in _SHORT:
        digits = "".join(2 * digit for digit in digits)
    return f"#{digits[-6:]}" if prefix == "0x" else f"#{digits[:6]}"


def _from_css(parts: Sequence[str]) -> str | None:
    try:
        channels = [
            float(part[:-1]) * _BYTE / 100 if part.endswith("%") else float(part)
            for part in parts[:_CHANNELS]
        ]
    except ValueError:
        return None
    return _from_bytes(channels)


def _from_channels(values: Sequence[Any]) -> str | None:
    if len(values) not in {_CHANNELS, _WITH_ALPHA}:
        return None
    channels = list(values[:_CHANNELS])
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in channels):
        return None
    are_fractions = any(isinstance(value, float) for value in channels) and all(0 <= v <= 1 for v in channels)
    return _from_bytes([value * _BYTE for value in channels] if are_fractions else channels)


def _from_bytes(channels: Sequence[float]) -> str | None:
    if len(channels) != _CHANNELS or not all(0 <= value <= _BYTE for value in channels):
        return None
    return "#{:02x}{:02x}{:02x}".format(*(math.floor(value + 0.5) for value in channels))
