"""``focus-network``: train a focus classifier on artificially blurred tiles."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from ml.contracts import Context, DataError
from ml.data.folders.images import read_image
from ml.data.folders.reading import IMAGES
from ml.messages import Message
from ml.tools.slides.defocus import FocusPlan, train_focus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the tool."""
    parser.add_argument("--tiles", type=Path, required=True, help="folder of sharp tiles, searched through")
    parser.add_argument("--out", type=Path, required=True, help="new folder for the model")
    parser.add_argument("--start", type=Path, help="a model of a patch recipe to transfer from")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--narrow", type=int, default=1, help="divide all widths by this, for speed")
    parser.add_argument("--most", type=int, default=400, help="tiles that are used at most")
    parser.add_argument("--seed", type=int, default=0)


def run(options: argparse.Namespace) -> None:
    """Train and write the model; raises DataError(``not_new``) where the folder exists."""
    if options.out.exists():
        raise DataError(
            Message("out_model_exists", out=str(options.out)),
            code="not_new",
        )
    paths = sorted(path for path in options.tiles.rglob("*") if path.suffix.lower() in IMAGES)
    tiles = [read_image(path) for path in paths[:: max(1, len(paths) // options.most)][: options.most]]
    plan = FocusPlan(options.epochs, options.batch, narrow=options.narrow, start=options.start)
    with tempfile.TemporaryDirectory(prefix="ml-") as scratch:
        model = train_focus(tiles, plan, Context(options.seed, Path(scratch)))
    model.save(options.out)
    sys.stdout.write(f"The focus network is in {options.out}; give it to quality by --focus.\n")
