"""The eight orientations of a TIFF (tag 274): display position of its first stored row and column.

References
----------
TIFF Revision 6.0 (Adobe, 1992), section 8, "Orientation".

"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

UPRIGHT: Final = 1
_TAG: Final = "Orientation"
# Exchange rows and columns first, then mirror left to right, then top to bottom.
_TURNS: Final = {
    1: (False, False, False),
    2: (False, True, False),
    3: (False, True, True),
    4: (False, False, True),
    5: (True, False, False),
    6: (True, True, False),
    7: (True, True, True),
    8: (True, False, True),
}

Box = tuple[int, int, int, int]


def orientation_of(page: Any) -> int:
    """Return the orientation (1 to 8) stated by a page; 1 for none or an invalid one."""
    return _stated(page) or UPRIGHT


def orientation_of_level(page: Any, full: Any) -> int:
    """Return the orientation of a pyramid level: its own where it fits the full image, else the image's.

    Many writers state the orientation on the full image alone.
    """
    whole = orientation_of(full)
    own = _stated(page)
    if own is None or own == whole:
        return whole
    wide, tall = shown_size((int(full.keyframe.imagewidth), int(full.keyframe.imagelength)), whole)
    width, height = shown_size((int(page.keyframe.imagewidth), int(page.keyframe.imagelength)), own)
    # A level is a pixel off at most in each direction, by rounding.
    return own if abs(width * tall - height * wide) <= max(wide, tall) * 2 else whole


def _stated(page: Any) -> int | None:
    tag = page.keyframe.tags.get(_TAG)
    value = int(tag.value) if tag is not None and isinstance(tag.value, int) else 0
    return value if value in _TURNS else None


def exchanges_axes(orientation: int) -> bool:
    """Return whether stored rows are shown as columns."""
    return _TURNS[orientation][0]


def shown_size(stored: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Return (width, height) as shown of an image stored as (width, height)."""
    return (stored[1], stored[0]) if exchanges_axes(orientation) else stored


def stored_box(box: Box, shown: tuple[int, int], orientation: int) -> Box:
    """Return the box (left, top, right, bottom) of stored pixels behind a box of shown ones.

    ``shown`` is the (width, height) of the whole image as shown.
    """
    left, top, right, bottom = box
    exchange, mirror, flip = _TURNS[orientation]
    if mirror:
        left, right = shown[0] - right, shown[0] - left
    if flip:
        top, bottom = shown[1] - bottom, shown[1] - top
    return (top, left, bottom, right) if exchange else (left, top, right, bottom)


def turn(stored: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return stored pixels (h, w) or (h, w, samples) as they are shown."""
    exchange, mirror, flip = _TURNS[orientation]
    pixels = np.swapaxes(stored, 0, 1) if exchange else stored
    if mirror:
        pixels = pixels[:, ::-1]
    return pixels[::-1] if flip else pixels
