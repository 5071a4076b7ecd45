"""``gaze``: boxes of viewed areas, from a recording of an eye tracker or of a cursor."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import mapping

from ml.contracts import DataError
from ml.messages import Message
from ml.slides import open_slide, tissue_mask
from ml.slides.gaze import (
    GazeBox,
    GazeRules,
    find_fixations,
    magnification_of,
    propose_boxes,
    read_stream,
)

# Until a person accepts a box, it counts less than one that was drawn.
UNREVIEWED = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the tool."""
    rules = GazeRules()
    parser.add_argument("stream", type=Path, help="JSON with consent: true and samples")
    parser.add_argument("--slide", type=Path, required=True, help="the slide that was looked at")
    parser.add_argument("--out", type=Path, required=True, help="new GeoJSON for the boxes")
    parser.add_argument("--label", help="label of the boxes; none without it")
    parser.add_argument("--shortest", type=float, default=rules.shortest, help="of a look, in ms")
    parser.add_argument("--dispersion", type=float, default=rules.dispersion, help="of a look, in screen px")
    parser.add_argument(
        "--fovea", type=float, default=rules.fovea, help="radius of sharp sight, in screen px"
    )
    parser.add_argument(
        "--least-zoom", type=float, default=rules.least_zoom, help="looks from afar are left out"
    )
    parser.add_argument(
        "--half-maximum", action="store_true", help="cut at half of the peak instead of by Otsu"
    )


def run(options: argparse.Namespace) -> None:
    """Write the boxes as proposals, each with its seconds and its weight until review."""
    if options.out.exists():
        raise DataError(Message("out_file_exists", out=str(options.out)), code="not_new")
    if min(options.shortest, options.dispersion, options.fovea) <= 0:
        raise DataError(Message("gaze_lengths_not_positive"), code="bad_config")
    rules = GazeRules(
        options.dispersion, options.shortest, options.fovea, options.least_zoom, options.half_maximum
    )
    try:
        document = json.loads(options.stream.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            Message("file_not_json", file=str(options.stream), reason=error), code="bad_stream"
        ) from error
    samples = read_stream(document)
    with open_slide(options.slide) as reader:
        finer = reader.resolution.finer if reader.resolution else None
        fixations = find_fixations(samples, magnification_of(finer, reader.magnification), rules)
        boxes = propose_boxes(fixations, (reader.width, reader.height), rules, tissue_mask(reader))
    features = [_feature(box, options.label) for box in boxes]
    text = json.dumps({"type": "FeatureCollection", "features": features}, indent=1)
    options.out.write_text(text, encoding="utf-8")
    summary = {"samples": len(samples), "fixations": len(fixations), "boxes": len(boxes)}
    sys.stdout.write(json.dumps(summary) + "\n")


def _feature(box: GazeBox, label: str | None) -> dict[str, Any]:
    place = box.bounds
    outline = shapely.box(place.x, place.y, place.x + place.width, place.y + place.height)
    metadata = {"source": "gaze", "weight": round(UNREVIEWED * box.weight, 4), "reviewed": False}
    properties: dict[str, Any] = {"objectType": "annotation", "name": "gaze", "metadata": metadata}
    # As a suggestion its score is what it counts for until somebody has looked at it.
    properties["measurements"] = {"seconds looked at": round(box.seconds, 3), "score": metadata["weight"]}
    if label:
        properties["classification"] = {"name": label}
    return {"type": "Feature", "geometry": mapping(outline), "properties": properties}
