"""Independent decoders, other than those that show a slide, for the pixel check.

An opener takes the path that would be opened for reading and returns a ``LevelSource`` (``sizes`` of the
stored levels, largest first, and ``fetch(level, box)`` as RGB), or None for a file that it does not know
or cannot decode. A decoder must not share the code that decodes samples and puts them into place.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from ml.slides.levels import LevelSource
from server.slides.imports.dicom_decoder import open_dicom

# Of other formats than TIFF, which ``tiff_decoder`` decodes.
DECODERS: Final[list[Callable[[Path], LevelSource | None]]] = [open_dicom]
