"""Place of a scan on its glass slide, where the file states it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import openslide

_OFFSETS: Final = tuple(f"hamamatsu.{axis}OffsetFromSlideCentre" for axis in "XY")


def read_centre_offset(path: Path) -> tuple[float, float] | None:
    """Return the offset of a scan's centre from its glass slide's centre in nm (x, y), None where unknown."""
    try:
        with openslide.OpenSlide(path) as slide:
            values = [slide.properties.get(name) for name in _OFFSETS]
    except openslide.OpenSlideError:
        return None
    try:
        x, y = (float(value) for value in values if value is not None)
    except ValueError:
        return None
    return x, y
