"""Labels for H&E patches from an antibody stain of the neighbouring section. Free of torch.

After HEMnet (Su et al., 2022): the brown of DAB says where the protein is; patches with much of it get one
label, patches with hardly any the other, and what lies between gets none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from ml.contracts import Bounds, DataError, LabelledShape, SlideReader
from ml.messages import Message
from ml.slides.grid import grid_of
from ml.slides.registration.transform import Registration
from ml.slides.stain_separation import separate_stains
from ml.slides.tissue import tissue_mask

# Places of a patch at which the other slide is looked up, per side.
LOOKS: Final = 8
# Concentration of DAB above which a place is brown, and least tissue of a patch.
BROWN: Final = 0.15
ON_TISSUE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Shares of brown pixels: from ``high`` on a patch is positive, up to ``low`` negative."""

    low: float = 0.1
    high: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high <= 1:
            message = Message("bad_thresholds", low=self.low, high=self.high)
            raise DataError(message)


def transfer_labels(
    fixed: SlideReader,
    moving: SlideReader,
    registration: Registration,
    *,
    patch: int,
    positive: str,
    negative: str,
    thresholds: Thresholds | None = None,
) -> list[LabelledShape]:
    """Return the patches of ``fixed`` labelled by the brown of ``moving``, as squares on tissue.

    ``registration`` maps fixed to moving pixels. What lies outside the moving slide is left unlabelled.
    """
    limits = thresholds or Thresholds()
    grid = grid_of(fixed, patch=patch, stride=patch, tissue=tissue_mask(fixed), min_tissue=ON_TISSUE)
    shares = brown_shares(moving, registration, grid.corners())
    shapes: list[LabelledShape] = []
    for number, (box, share) in enumerate(zip(grid.boxes(), shares, strict=True)):
        if np.isnan(share) or limits.low < share < limits.high:
            continue
        label = positive if share >= limits.high else negative
        shapes.append(LabelledShape(box, label, group=f"transferred:{number}"))
    return shapes


def brown_shares(
    moving: SlideReader, registration: Registration, boxes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the share of brown pixels in each box (n, 4) of the fixed slide; NaN outside the other one."""
    fractions = (np.arange(LOOKS) + 0.5) / LOOKS
    shares = np.full(len(boxes), np.nan)
    for number, (left, top, right, bottom) in enumerate(boxes):
        x, y = np.meshgrid(left + fractions * (right - left), top + fractions * (bottom - top))
        at = registration.to_moving(np.stack([x.ravel(), y.ravel()], axis=1))
        inside = (at >= 0).all(axis=1) & (at[:, 0] < moving.width) & (at[:, 1] < moving.height)
        if not inside.all():
            continue
        (x0, y0), (x1, y1) = np.floor(at.min(axis=0)), np.ceil(at.max(axis=0)) + 1
        window = Bounds(int(x0), int(y0), int(x1 - x0), int(y1 - y0))
        side = LOOKS * 4
        dab = separate_stains(moving.read(window, (side, side)))[..., 2]
        column = np.clip(((at[:, 0] - x0) / window.width * side).astype(int), 0, side - 1)
        row = np.clip(((at[:, 1] - y0) / window.height * side).astype(int), 0, side - 1)
        shares[number] = float((dab[row, column] > BROWN).mean())
    return shares


def as_features(shapes: list[LabelledShape]) -> list[dict[str, object]]:
    """Return labelled squares as GeoJSON features with QuPath's classification."""
    return [
        {
            "type": "Feature",
            "geometry": shapely.geometry.mapping(item.geometry),
            "properties": {"objectType": "annotation", "classification": {"name": item.label}},
        }
        for item in shapes
    ]
