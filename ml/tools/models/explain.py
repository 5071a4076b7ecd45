"""``explain``: an explanation map of a patch, as a picture over it."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from ml.contracts import Bounds, Context
from ml.explain import METHODS
from ml.explain.why import explain
from ml.slides import open_slide
from ml.slides.resolution import square_view, stretch_of

SIDE = 448


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the tool."""
    parser.add_argument("model", type=Path, help="a model of a patch recipe")
    parser.add_argument("slide", type=Path)
    parser.add_argument(
        "--at", type=int, nargs=2, required=True, metavar=("X", "Y"), help="corner, level-0 px"
    )
    parser.add_argument("--side", type=int, required=True, help="side of the patch, level-0 px")
    parser.add_argument("--method", choices=METHODS, default="grad-cam")
    parser.add_argument("--label", help="whose probability; default: the likeliest")
    parser.add_argument("--out", type=Path, required=True, help="picture (PNG); numbers beside it (.npy)")


def run(options: argparse.Namespace) -> None:
    """Write the map over the patch; print label and probability."""
    x, y = options.at
    with open_slide(options.slide) as slide, tempfile.TemporaryDirectory(prefix="ml-") as scratch:
        view = square_view(slide)
        stretch = stretch_of(view)
        bounds = Bounds(round(x * stretch.x), round(y * stretch.y), options.side, options.side)
        explanation = explain(
            options.model,
            view,
            bounds,
            Context(0, Path(scratch)),
            method=options.method,
            label=options.label,
        )
        patch = view.read(bounds, (SIDE, SIDE)).astype(np.float32)
    heat = np.asarray(Image.fromarray(explanation.map).resize((SIDE, SIDE), Image.Resampling.BILINEAR))[
        ..., None
    ]
    picture = patch * (1 - 0.5 * heat) + np.array([255.0, 0.0, 0.0]) * 0.5 * heat
    Image.fromarray(np.rint(picture).astype(np.uint8)).save(options.out)
    np.save(options.out.with_suffix(".npy"), explanation.map, allow_pickle=False)
    sys.stdout.write(
        json.dumps({"label": explanation.label, "probability": round(explanation.probability, 4)}) + "\n"
    )
