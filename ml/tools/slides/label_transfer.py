"""``label-transfer``: labels of H&E patches by the brown of an antibody stain on the neighbouring section."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ml.slides import open_slide
from ml.slides.registration.label_transfer import Thresholds, as_features, transfer_labels
from ml.slides.registration.transform import Registration, register_slides
from ml.slides.resolution import square_view


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments: two slides, the map between them, and the labels."""
    parser.add_argument("slide", type=Path, help="the H&E slide")
    parser.add_argument("stained", type=Path, help="the neighbouring section in brown (DAB)")
    parser.add_argument("--out", type=Path, required=True, help="GeoJSON file of labelled patches")
    parser.add_argument(
        "--registration", type=Path, help="map made by the tool registration; searched without"
    )
    parser.add_argument("--patch", type=int, default=224, help="side of the patches in level-0 pixels")
    parser.add_argument("--positive", default="positive", help="label of brown patches")
    parser.add_argument("--negative", default="negative", help="label of the others")
    parser.add_argument("--low", type=float, default=0.1, help="most brown of a negative patch")
    parser.add_argument("--high", type=float, default=0.5, help="least brown of a positive patch")


def run(options: argparse.Namespace) -> None:
    """Write the labelled patches; those between the two thresholds get no label."""
    thresholds = Thresholds(options.low, options.high)
    with open_slide(options.slide) as slide, open_slide(options.stained) as stained:
        if options.registration is not None:
            known = Registration.from_document(json.loads(options.registration.read_text(encoding="utf-8")))
        else:
            known = register_slides(square_view(slide), square_view(stained))
        shapes = transfer_labels(
            slide,
            stained,
            known,
            patch=options.patch,
            positive=options.positive,
            negative=options.negative,
            thresholds=thresholds,
        )
    document = {"type": "FeatureCollection", "features": as_features(shapes)}
    options.out.write_text(json.dumps(document) + "\n", encoding="utf-8")
    positive = sum(item.label == options.positive for item in shapes)
    sys.stdout.write(
        f"{positive} {options.positive} and {len(shapes) - positive} {options.negative} patches\n"
    )
