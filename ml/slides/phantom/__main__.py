"""Write a phantom slide: ``python -m ml.slides.phantom out.tif --width 6000 --height 6000``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ml.slides.phantom.writing import write_phantom


def main() -> None:
    """Read the command line and write the slide, and on request its truth."""
    parser = argparse.ArgumentParser(prog="python -m ml.slides.phantom", description=__doc__)
    parser.add_argument("path", type=Path, help="the TIFF to write")
    parser.add_argument("--width", type=int, default=6000, help="level-0 pixels")
    parser.add_argument("--height", type=int, default=6000, help="level-0 pixels")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mpp", type=float, default=0.5, help="µm per pixel")
    parser.add_argument("--truth", type=Path, help="a GeoJSON file for the truth")
    chosen = parser.parse_args()
    truth = write_phantom(
        chosen.path, width=chosen.width, height=chosen.height, seed=chosen.seed, mpp=chosen.mpp
    )
    if chosen.truth is not None:
        chosen.truth.write_text(json.dumps(truth.geojson()), encoding="utf-8")


if __name__ == "__main__":
    main()
