"""``quality``: artefacts on a slide, as heat maps and GeoJSON."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

import numpy as np

from ml.contracts import Bounds, SlideReader
from ml.objectset import write_heat_map
from ml.slides import open_slide
from ml.slides.quality.map import BLUR, TISSUE, QualityMap, quality_map
from ml.slides.resolution import square_view, stretch_of

SHARP = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the tool."""
    parser.add_argument("slides", type=Path, nargs="+", help="slides to look at")
    parser.add_argument("--out", type=Path, required=True, help="folder for the maps, one below it per slide")
    parser.add_argument("--focus", type=Path, help="a model of focus-network, in the place of the rule")


def run(options: argparse.Namespace) -> None:
    """Write ``artefact`` and ``focus`` maps and ``artefacts.geojson`` of each slide; print the shares."""
    for path in options.slides:
        with open_slide(path) as reader:
            view = square_view(reader)
            quality = quality_map(view)
            if options.focus is not None:
                quality = judged(view, quality, options.focus)
            quality = quality.original(stretch_of(view))
        folder = options.out / path.stem
        folder.mkdir(parents=True, exist_ok=True)
        for heat_map in quality.heat_maps():
            write_heat_map(folder, heat_map.kind, heat_map)
        (folder / "artefacts.geojson").write_text(json.dumps(quality.geojson()), encoding="utf-8")
        shares = {name: round(share, 4) for name, share in quality.shares().items()}
        sys.stdout.write(json.dumps({"slide": path.name, **shares}) + "\n")


def judged(reader: SlideReader, quality: QualityMap, model: Path) -> QualityMap:
    """Return the map with focus by a trained network; raises DataError(``bad_weights``)."""
    from ml.networks.focus import SIDE  # noqa: PLC0415 - brings torch
    from ml.tools.slides.defocus import FocusModel  # noqa: PLC0415 - the same

    network = FocusModel.load(model)
    focus, classes = quality.focus.copy(), quality.classes.copy()
    # Blocks that were judged together by the rule are judged together here.
    block = max(1, round(SIDE / quality.step))
    for row in range(0, focus.shape[0], block):
        for column in range(0, focus.shape[1], block):
            part = (slice(row, row + block), slice(column, column + block))
            known = ~np.isnan(focus[part])
            if not known.any():
                continue
            y, x = (np.argwhere(known).mean(axis=0) + 0.5 + (row, column)) * quality.step
            place = Bounds(round(x - SIDE / 2), round(y - SIDE / 2), SIDE, SIDE)
            sharp = float(network.sharpness(reader.read(place, (SIDE, SIDE))[None])[0])
            focus[part] = np.where(known, sharp, np.nan)
    tissue = np.isin(classes, (TISSUE, BLUR)) & ~np.isnan(focus)
    classes[tissue] = np.where(focus[tissue] < SHARP, BLUR, TISSUE)
    return dataclasses.replace(quality, focus=focus, classes=classes)
