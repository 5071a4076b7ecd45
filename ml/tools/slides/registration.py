"""``registration``: registers two slides of the same tissue, and transfers annotations between them."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from shapely.geometry import mapping, shape

from ml.contracts import DataError
from ml.messages import Message
from ml.slides import open_slide
from ml.slides.registration.transform import Registration, from_landmarks, register_slides
from ml.slides.resolution import square_view


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments: two slides, annotations to transfer, and landmarks."""
    parser.add_argument("fixed", type=Path, help="the slide that stays")
    parser.add_argument("moving", type=Path, help="the slide that is laid over it")
    parser.add_argument("--out", type=Path, required=True, help="file for the map, as JSON")
    parser.add_argument("--annotations", type=Path, help="GeoJSON of the moving slide to carry over")
    parser.add_argument(
        "--carried", type=Path, help="file for the annotations as they lie on the fixed slide"
    )
    parser.add_argument(
        "--landmarks",
        type=Path,
        help='JSON {"fixed": [[x, y], ...], "moving": [...]}: used instead of search',
    )
    parser.add_argument("--seed", type=int, default=0)


def run(options: argparse.Namespace) -> None:
    """Write the map, and the transferred annotations."""
    registration = _registered(options)
    options.out.write_text(json.dumps(registration.document()) + "\n", encoding="utf-8")
    if options.annotations is not None:
        document = json.loads(options.annotations.read_text(encoding="utf-8"))
        target = options.carried or options.annotations.with_suffix(".carried.geojson")
        target.write_text(json.dumps(carried(document, registration)) + "\n", encoding="utf-8")
    if registration.quality is not None:
        words = "good" if registration.quality.good else "doubtful: check it, or set landmarks"
        sys.stdout.write(
            f"{registration.quality.inliers} places match, likeness {registration.quality.likeness:.2f}, "
            f"tissue in common {registration.quality.dice:.2f}: {words}\n"
        )


def carried(document: dict[str, Any], registration: Registration) -> dict[str, Any]:
    """Return a FeatureCollection of the moving slide on the fixed one."""
    features = document.get("features", [document])
    return {
        "type": "FeatureCollection",
        "features": [
            {**item, "geometry": mapping(registration.warp(shape(item["geometry"])))} for item in features
        ],
    }


def _registered(options: argparse.Namespace) -> Registration:
    if options.landmarks is not None:
        try:
            pairs = json.loads(options.landmarks.read_text(encoding="utf-8"))
            return from_landmarks(pairs["fixed"], pairs["moving"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            message = Message("no_landmarks", file=str(options.landmarks), reason=error)
            raise DataError(message, code="bad_landmarks") from error
    with open_slide(options.fixed) as fixed, open_slide(options.moving) as moving:
        return register_slides(square_view(fixed), square_view(moving), seed=options.seed)
