"""The truth of a phantom, recomputed from its seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon, mapping

from ml.contracts import Bounds
from ml.slides.phantom.layout import Layout, plan
from ml.slides.phantom.nuclei import KINDS, nuclei_in

BLOCK = 1024


@dataclass(frozen=True)
class PhantomTruth:
    """Truth of a phantom: regions, artefacts and nuclei as polygons in level-0 pixels."""

    width: int
    height: int
    seed: int
    mpp: float

    @cached_property
    def layout(self) -> Layout:
        """The layout from which all else is computed."""
        return plan(self.width, self.height, self.seed, self.mpp)

    @property
    def regions(self) -> list[tuple[str, Polygon]]:
        """Return (``tumour`` or ``stroma``, polygon); they tile the tissue without overlap."""
        layout = self.layout
        tumours = [("tumour", shape) for shape in layout.tumours]
        return tumours + [("stroma", shape) for shape in layout.stroma]

    @property
    def artefacts(self) -> list[tuple[str, Polygon]]:
        """Return (``fold``, ``blur`` or ``pen``, polygon)."""
        return list(self.layout.artefacts)

    def nuclei(self, bounds: Bounds | None = None) -> Iterator[tuple[str, Polygon]]:
        """Yield (kind, polygon) of the nuclei with their centre in ``bounds``; block by block."""
        area = bounds or Bounds(0, 0, self.width, self.height)
        right, bottom = area.x + area.width, area.y + area.height
        for y in range(area.y, bottom, BLOCK):
            for x in range(area.x, right, BLOCK):
                block = Bounds(x, y, min(BLOCK, right - x), min(BLOCK, bottom - y))
                nuclei = nuclei_in(self.layout, block)
                shapes = cast("NDArray[np.object_]", shapely.polygons(nuclei.rings))
                yield from zip((KINDS[kind] for kind in nuclei.kind), shapes, strict=True)

    def geojson(self, *, nuclei: bool = True) -> dict[str, Any]:
        """Return a FeatureCollection as QuPath writes it; nuclei are detections."""
        features = [feature("annotation", name, shape) for name, shape in self.regions]
        features += [feature("annotation", name, shape) for name, shape in self.artefacts]
        if nuclei:
            features += [feature("detection", name, shape) for name, shape in self.nuclei()]
        return {"type": "FeatureCollection", "features": features}


def feature(kind: str, name: str, shape: Polygon) -> dict[str, Any]:
    """Return one GeoJSON feature with QuPath's properties."""
    return {
        "type": "Feature",
        "geometry": mapping(shape),
        "properties": {"objectType": kind, "classification": {"name": name}},
    }


def truth_of(width: int, height: int, seed: int, mpp: float = 0.5) -> PhantomTruth:
    """Return the truth of the phantom with these parameters, without its file."""
    return PhantomTruth(width=width, height=height, seed=seed, mpp=mpp)
