"""``faithfulness``: faithfulness of a model's explanation maps, beside random maps."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from ml.contracts import Context, DataError, LabelledImage
from ml.data.folders.reading import load_dataset
from ml.explain.faithfulness import faithfulness, random_map, sameness
from ml.explain.maps import MAPS
from ml.messages import Message
from ml.methods.bases.network_parts import network_predictor
from ml.methods.bases.patch_recipe import PatchRecipe
from ml.methods.loading import load_model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the tool."""
    parser.add_argument("model", type=Path, help="a model of a network over patches")
    parser.add_argument("--data", type=Path, required=True, help="class folders of tiles")
    parser.add_argument("--most", type=int, default=24, help="tiles that are looked at")
    parser.add_argument("--seed", type=int, default=0)


def run(options: argparse.Namespace) -> None:
    """Print a line of JSON per method: deletion, insertion, gap, and similarity under random weights."""
    recipe = load_model(options.model)
    if not isinstance(recipe, PatchRecipe) or network_predictor(recipe) is None:
        raise DataError(Message("not_a_patch_network", title=recipe.title), code="cannot_explain")
    images = load_dataset(options.data).images
    random = np.random.default_rng(options.seed)
    chosen: list[LabelledImage] = [images[i] for i in random.permutation(len(images))[: options.most]]
    with tempfile.TemporaryDirectory(prefix="ml-") as scratch:
        tiles = list(recipe.image_pixel_rows(chosen, Context(options.seed, Path(scratch))))
    targets = [int(row.argmax()) for row in recipe.judge_pixels(np.stack(tiles))]
    pairs = list(zip(tiles, targets, strict=True))
    blind = [
        faithfulness(recipe, tile, target, random_map(tile.shape[-3:-1], random)) for tile, target in pairs
    ]
    _print("random", [(item.deletion, item.insertion, item.gap) for item in blind], float("nan"))
    for name, explainer in MAPS.items():
        try:
            rows = [faithfulness(recipe, tile, k, explainer(recipe, tile, k)) for tile, k in pairs]
        except DataError as error:
            sys.stdout.write(json.dumps({"method": name, "why not": f"{error}"}) + "\n")
            continue
        same = float(np.mean([sameness(explainer, recipe, tile, k, options.seed) for tile, k in pairs[:8]]))
        _print(name, [(item.deletion, item.insertion, item.gap) for item in rows], same)


def _print(name: str, rows: list[tuple[float, float, float]], same: float) -> None:
    deletion, insertion, gap = (round(float(value), 4) for value in np.mean(rows, axis=0))
    figures = {"method": name, "deletion": deletion, "insertion": insertion, "gap": gap}
    if same == same:  # noqa: PLR0124 - JSON knows no NaN
        figures["sameness under drawn weights"] = round(same, 4)
    sys.stdout.write(json.dumps(figures) + "\n")
