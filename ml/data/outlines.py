"""Outlines with their labels, from an object set or from GeoJSON as QuPath writes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import shapely
from shapely.affinity import scale

from ml.contracts import DataError
from ml.data.folders.reading import read_annotations
from ml.messages import Message
from ml.objectset import ObjectSet


def read_outlines(
    path: Path, mpp: float, mpp_y: float | None = None
) -> tuple[list[shapely.Polygon], list[str]]:
    """Return polygons in µm, of pixels ``mpp`` wide and ``mpp_y`` high, and the label of each.

    ``mpp_y`` None stands for ``mpp``. Raises DataError(``no_outlines``, ``bad_geojson``).
    """
    if path.is_dir():
        objects = ObjectSet(path)
        indices = np.arange(objects.manifest.count)
        names = [objects.manifest.labels[int(number)] for number in objects.columns()["label"]]
        shapes = list(objects.geometries(indices))
    else:
        marked, _ = read_annotations(path)
        names = [item.label or "" for item in marked]
        shapes = [item.geometry for item in marked]
    pairs = [
        (scale(piece, mpp, mpp_y or mpp, origin=(0, 0)), name)
        for shape, name in zip(shapes, names, strict=True)
        for piece in shapely.get_parts(shape)
        if isinstance(piece, shapely.Polygon) and piece.area > 0
    ]
    if not pairs:
        message = Message("outlines_missing", file=str(path))
        raise DataError(message, code="no_outlines")
    return [shape for shape, _ in pairs], [name for _, name in pairs]
