"""Co-centred views of one place, each twice as wide as the one before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def in_views(mask: NDArray[np.bool_], pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return a patch's ``mask`` (side, side) in every view of ``pixels``, as (..., side, side, 1).

    ``pixels`` are (side, side, 3) or (scales, side, side, 3) with the patch itself first.
    """
    if pixels.ndim == 3:  # noqa: PLR2004 - rows, columns and colours: the patch alone
        return mask[..., None]
    side = len(mask)
    centre = (side - 1) / 2
    masks = np.zeros((*pixels.shape[:-1], 1), dtype=bool)
    for scale in range(len(pixels)):
        own = np.rint(centre + (np.arange(side) - centre) * 2**scale).astype(int)
        inside = (own >= 0) & (own < side)
        masks[scale, :, :, 0][np.ix_(inside, inside)] = mask[np.ix_(own[inside], own[inside])]
    return masks
