"""An object set as GeoJSON (RFC 7946 geometry, level-0 pixels) with the properties that QuPath reads."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import mapping

if TYPE_CHECKING:
    from ml.objectset.reader import ObjectSet

BLOCK = 4096


def measurements_of(columns: Mapping[str, NDArray[Any]], index: int) -> dict[str, float]:
    """Return score and uncertainty of an object as a file states them; without a score none."""
    values = {name: round(float(columns[name][index]), 6) for name in ("score", "uncertainty")}
    return {name: value for name, value in values.items() if not math.isnan(value)}


def known_score(value: float) -> float | None:
    """Return a score, None where the object has none."""
    return None if math.isnan(value) else float(value)


def objects_to_geojson(object_set: ObjectSet, stream: IO[str]) -> None:
    """Write a FeatureCollection of detections, block by block."""
    stream.write('{"type": "FeatureCollection", "features": [')
    for number, feature in enumerate(_features(object_set)):
        stream.write(",\n" if number else "\n")
        json.dump(feature, stream)
    stream.write("\n]}\n")


def _features(object_set: ObjectSet) -> Iterator[dict[str, Any]]:
    columns = object_set.columns()
    for start in range(0, object_set.manifest.count, BLOCK):
        indices = np.arange(start, min(start + BLOCK, object_set.manifest.count))
        for index, shape in zip(indices.tolist(), object_set.geometries(indices), strict=True):
            yield {
                "type": "Feature",
                "id": str(index),
                "geometry": mapping(shape),
                "properties": {
                    "objectType": "detection",
                    "classification": {"name": object_set.manifest.labels[int(columns["label"][index])]},
                    "measurements": measurements_of(columns, index),
                },
            }
