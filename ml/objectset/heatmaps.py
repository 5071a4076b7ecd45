"""Storage of heat maps and their pictures: numbers in ``NAME.npy``, placement in ``NAME.json``."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.contracts import HeatMap

NOTHING = 255
HIGHEST = 254


def write_heat_map(folder: Path, name: str, heat_map: HeatMap) -> None:
    """Write a heat map under a name; it replaces one of that name in two steps, place first."""
    place = {
        "kind": heat_map.kind,
        "label": heat_map.label,
        "x": heat_map.x,
        "y": heat_map.y,
        "step": heat_map.step,
        "step_y": heat_map.step_y,
    }
    scratch = folder / f".{name}.{os.getpid()}"
    scratch.write_text(json.dumps(place))
    scratch.replace(folder / f"{name}.json")
    with scratch.open("wb") as file:
        np.save(file, heat_map.values, allow_pickle=False)
    scratch.replace(folder / f"{name}.npy")


def read_heat_map(folder: Path, name: str) -> HeatMap:
    """Read a heat map; raises FileNotFoundError."""
    values = np.load(folder / f"{name}.npy", allow_pickle=False)
    return HeatMap(**json.loads((folder / f"{name}.json").read_text()), values=values)


def heat_map_png(values: NDArray[np.float32]) -> bytes:
    """Return an 8-bit grey PNG of one pixel per cell: 254 times the number, 255 for NaN."""
    known = np.isfinite(values)
    grey = np.full(values.shape, NOTHING, dtype=np.uint8)
    grey[known] = np.rint(np.clip(values[known], 0, 1) * HIGHEST).astype(np.uint8)
    sink = io.BytesIO()
    Image.fromarray(grey).save(sink, format="PNG")
    return sink.getvalue()
