"""Claim of ``barcode``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.claims import phantom_bags as made
from ml.claims.harness import Pair, claim
from ml.claims.slides import evaluated


@claim(
    "barcode",
    method="barcode",
    baseline="barcode of one magnification",
    metric="macro F1",
    data="slides of 8 x 8 real colorectal tiles; four labels by kind of lesion and size of its nests",
    says="three magnifications beat one where kind and arrangement both matter",
)
def _barcode(seed: int, scratch: Path) -> Pair:
    tiles = made.real_tiles(seed, 48, 150)

    def compose(random: np.random.Generator, label: int, part: int) -> NDArray[np.uint8]:
        normal, lesion = tiles["normal"][part], tiles[("adenocarcinoma", "serrated")[label % 2]][part]
        nest = 1 if label < 2 else 4  # noqa: PLR2004 - labels 2 and 3 have the large nests
        where = np.indices((8, 8)).sum(axis=0) % 2 == random.integers(2)
        if nest > 1:
            where = np.kron(random.permutation([True, True, False, False]).reshape(2, 2), np.ones((4, 4))) > 0
        slide = normal[random.integers(0, len(normal), (8, 8))]
        slide[where] = lesion[random.integers(0, len(lesion), int(where.sum()))]
        return slide

    labels = ("fine adenoma", "fine serrated", "coarse adenoma", "coarse serrated")
    slides = made.mosaic_dataset(scratch / "slides", labels, (32, 4, 32), compose, seed)
    figures = [
        evaluated("barcode", slides, scratch, seed, "f1_macro", patch=48, stride=48, scales=scales)
        for scales in ("1", "1 2 4")
    ]
    return Pair(figures[0], figures[1], 32)
