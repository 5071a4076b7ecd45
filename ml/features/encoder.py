"""The protocol of encoders: from a patch to a row of features."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Encoder(Protocol):
    """``name`` and ``version`` together change whenever the numbers would.

    ``pixels`` is the side at which patches are read, ``size`` the length of a row.
    """

    name: str
    version: str
    pixels: int
    size: int

    def encode(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return (n, size) float32 for (n, pixels, pixels, 3) RGB."""
        ...
