"""The columnar format of object sets and heat maps. Free of torch; see README.md for the layout."""

from __future__ import annotations

from ml.objectset.filters import Limits
from ml.objectset.flat import FlatObjects
from ml.objectset.geojson import objects_to_geojson
from ml.objectset.heatmaps import heat_map_png, read_heat_map, write_heat_map
from ml.objectset.manifest import Manifest
from ml.objectset.reader import ObjectSet
from ml.objectset.writer import ObjectSetWriter

__all__ = [
    "FlatObjects",
    "Limits",
    "Manifest",
    "ObjectSet",
    "ObjectSetWriter",
    "heat_map_png",
    "objects_to_geojson",
    "read_heat_map",
    "write_heat_map",
]
