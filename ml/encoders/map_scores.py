"""Scores of a linear head on the stored maps of a slide, block by block.

The head is applied before surroundings are averaged, which gives the same and takes a hundredth of the time.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from ml.encoders.dense import SURROUNDINGS
from ml.encoders.packed_maps import BLOCK
from ml.encoders.stored_maps import MARGIN, Place, StoredMaps, strips

Floats = NDArray[np.float32]


class MapScores:
    """Scores of cells: their features times ``matrix`` (size, k).

    ``with_margin`` is asked for row by row and forgets rows further up; others forget by ``keep``.
    """

    def __init__(self, maps: StoredMaps, matrix: Floats) -> None:
        self._maps = maps
        # Side by side: the weights of a cell's own features and of each of its surroundings.
        self._parts = np.concatenate(np.split(matrix, 1 + len(SURROUNDINGS)), axis=1)
        self._projected: dict[Place, Floats] = {}
        self._scores: dict[Place, Floats] = {}

    def block(self, place: Place) -> Floats:
        """Return the scores (BLOCK, BLOCK, k) of a block; it and the tissue beside it are stored."""
        if place not in self._scores:
            for each in self._maps.with_neighbours([place]):
                if each not in self._projected:
                    self._projected[each] = self._maps.projected(each, self._parts)
            layers = self._maps.with_surroundings(self._projected, place)
            k = self._parts.shape[1] // len(layers)
            self._scores[place] = sum(
                (layer[:, :, k * number : k * (number + 1)] for number, layer in enumerate(layers)),
                start=np.zeros((BLOCK, BLOCK, k), np.float32),
            )
        return self._scores[place]

    def keep(self, places: Collection[Place]) -> None:
        """Forget all scores, and what those of these blocks do not need."""
        around = set(self._maps.with_neighbours(places))
        self._scores.clear()
        for each in [each for each in self._projected if each not in around]:
            del self._projected[each]

    def with_margin(self, place: Place) -> Floats:
        """Return the scores of a block and of MARGIN cells around it; beside the tissue the nearest ones.

        The tissue two blocks around is stored.
        """
        for kept in (self._projected, self._scores):
            for each in [each for each in kept if each[0] < place[0] - 2]:
                del kept[each]
        whole = np.pad(self.block(place), ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), mode="edge")
        sides = strips()
        for r, c in self._maps.with_neighbours([place]):
            (there_y, ys), (there_x, xs) = (sides[n] for n in (r - place[0], c - place[1]))
            whole[ys, xs] = self.block((r, c))[there_y, there_x]
        return whole
