"""Units of length and number formats of image files."""

from __future__ import annotations

import math
import re
from typing import Final

_PREFIXES: Final = {
    "Y": 1e24, "Z": 1e21, "E": 1e18, "P": 1e15, "T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3, "h": 1e2, "da": 1e1,
    "": 1.0, "d": 1e-1, "c": 1e-2, "m": 1e-3, "n": 1e-9, "p": 1e-12, "f": 1e-15, "a": 1e-18, "z": 1e-21,
    "y": 1e-24,
}  # fmt: skip
_METRIC: Final = {f"{prefix}m": metres * 1e6 for prefix, metres in _PREFIXES.items()}
_MICRO: Final = (
    "µm", "\u03bcm", "um", "Âµm", "Î¼m", "micron", "microns", "micrometer", "micrometers", "micrometre",
    "micrometres",
)  # fmt: skip
_OTHERS: Final = {
    "nanometer": 1e-3, "nanometre": 1e-3, "nanometers": 1e-3, "nanometres": 1e-3,
    "millimeter": 1e3, "millimetre": 1e3, "millimeters": 1e3, "millimetres": 1e3,
    "centimeter": 1e4, "centimetre": 1e4, "centimeters": 1e4, "centimetres": 1e4,
    "meter": 1e6, "metre": 1e6, "meters": 1e6, "metres": 1e6,
    "å": 1e-4, "\u00c5": 1e-4, "\u212b": 1e-4, "angstrom": 1e-4, "angstroms": 1e-4, "ångström": 1e-4,
    "thou": 25.4, "mil": 25.4, "li": 25_400 / 12, "in": 25_400.0, "inch": 25_400.0, "inches": 25_400.0,
    '"': 25_400.0, "ft": 304_800.0, "yd": 914_400.0, "mi": 1.609344e9, "pt": 25_400 / 72,
    "ua": 1.495978707e17, "ly": 9.4607304725808e21, "pc": 3.0856775814913673e22,
}  # fmt: skip
_EXACT: Final = _METRIC | dict.fromkeys(_MICRO, 1.0) | _OTHERS
_ESCAPED: Final = re.compile(r"\\u([0-9a-fA-F]{4})")


def micrometres_per(unit: str) -> float | None:
    """Return the length of a unit in µm; None for pixels, reference frames and unknown names.

    Letter case counts where it must (``Mm`` is a megametre) and is ignored otherwise. ImageJ writes ``µ``
    as the six characters ``\\u00B5``.
    """  # noqa: D301 - the backslash is part of the file format
    name = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), unit).strip()
    return _EXACT.get(name, _EXACT.get(name.lower()))


def parse_number(text: str) -> float:
    """Return a number written with a point or a decimal comma; NaN where it cannot be read."""
    text = text.strip()
    if "," in text and "." not in text and text.count(",") == 1:
        text = text.replace(",", ".")
    try:
        return float(text)
    except ValueError:
        return math.nan
