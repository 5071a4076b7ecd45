"""``explain``: where a model looked in a patch, as a picture over it."""

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

SIDE = 448


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the tool takes."""
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
    bounds = Bounds(x, y, options.side, options.side)
    with open_slide(options.slide) as slide, tempfile.TemporaryDirectory(prefix="ml-") as scratch:
        found = explain(
            options.model,
            slide,
            bounds,
            Context(0, Path(scratch)),
            method=options.method,
            label=options.label,
        )
        patch = slide.read(bounds, (SIDE, SIDE)).astype(np.float32)
    heat = np.asarray(Image.fromarray(found.map).resize((SIDE, SIDE), Image.Resampling.BILINEAR))[..., None]
    picture = patch * (1 - 0.5 * heat) + np.array([255.0, 0.0, 0.0]) * 0.5 * heat
    Image.fromarray(np.rint(picture).astype(np.uint8)).save(options.out)
    np.save(options.out.with_suffix(".npy"), found.map, allow_pickle=False)
    sys.stdout.write(json.dumps({"label": found.label, "probability": round(found.probability, 4)}) + "\n")
