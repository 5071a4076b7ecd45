"""Samples of 32 bits and floating-point numbers, read as numbers of 16 bits.

Exports of fluorescence and of image analysis hold them. A span of the file's values, measured at import,
becomes 0 to 65535: whole numbers of up to 16 bits stay as they are.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# The first stored value, and the difference of two neighbouring numbers of 16 bits in stored values.
Span = tuple[float, float]

WIDE: Final = frozenset(np.dtype(kind) for kind in ("uint32", "int32", "float16", "float32", "float64"))
AS_STORED: Final[Span] = (0.0, 1.0)
_TOP: Final = 65535
_COLOUR_TOPS: Final = (1.0, 255.0, 65535.0)


def is_wide(dtype: Any) -> bool:
    """Return whether samples of a type are read as numbers of 16 bits."""
    return dtype in WIDE


def read_type(dtype: Any) -> Any:
    """Return the type of samples as they are read."""
    return np.dtype(np.uint16) if is_wide(dtype) else dtype


def span_of(dtype: Any, low: float, high: float, *, is_colour: bool) -> Span:
    """Return the span of samples whose finite values lie from ``low`` to ``high``.

    Colours of floating-point numbers span 0 to 1, 255 or 65535, as their writers intend.
    """
    if dtype.kind in "iu" and low >= 0 and high <= _TOP:
        return AS_STORED
    base = min(0.0, low)
    whole = next((top for top in _COLOUR_TOPS if high <= top), high)
    top = whole if is_colour and base == 0 else high
    return (base, (top - base) / _TOP) if top > base else AS_STORED


def to_words(stored: NDArray[Any], span: Span) -> NDArray[np.uint16]:
    """Return stored samples as numbers of 16 bits, and NaN as 0."""
    first, step = span
    with np.errstate(invalid="ignore", over="ignore"):
        words = np.rint((stored.astype(np.float64) - first) / step)
    return np.asarray(np.nan_to_num(np.clip(words, 0, _TOP), nan=0.0), np.uint16)
