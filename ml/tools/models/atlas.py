"""``atlas``: an embedding of the tiles of images or slides in two dimensions."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ml.contracts import Context, DataError, Dataset
from ml.data import load_dataset
from ml.data.squares import Squares, squares_of
from ml.features.atlas import METHODS, Atlas, lay_out
from ml.features.compute import features_of, table_key
from ml.features.images import image_features
from ml.features.patch_grids import tissue_grid
from ml.features.store import feature_store
from ml.messages import Message
from ml.methods.bases.encoding import open_encoder
from ml.slides import open_slide
from ml.slides.resolution import opened_square, stretch_of


@dataclass(frozen=True, slots=True)
class TileSettings:
    """Settings of tiles and encoder, named ``patch``, ``stride``, ``mpp`` and ``encoder`` in recipes."""

    patch: int
    stride: int
    mpp: float | None
    encoder: str


@dataclass(frozen=True, slots=True)
class DescribedTiles:
    """``features`` float32 (n, d); for each tile its ``source``, ``label`` and ``box``.

    Boxes are x, y, side (the width) and height in level-0 pixels; all 0 for an image that is a tile itself.
    """

    features: NDArray[np.float32]
    source: list[str]
    label: list[str | None]
    box: NDArray[np.int64]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments: tiles, encoder, embedding, output."""
    parser.add_argument("--data", type=Path, required=True, help="folder of images or slides")
    parser.add_argument("--out", type=Path, required=True, help="new file: .json or .parquet")
    parser.add_argument("--encoder", default="descriptors", help="descriptors, or encoder:MODEL FOLDER")
    parser.add_argument("--method", choices=METHODS, default="tsne", help="layout, tsne by default")
    parser.add_argument("--kinds", type=int, default=8, help="how many kinds of tiles, 8 by default")
    parser.add_argument("--most", type=int, default=5000, help="most tiles, drawn at random")
    parser.add_argument("--patch", type=int, default=224, help="side of a tile in pixels")
    parser.add_argument("--mpp", type=float, help="µm per pixel at which tiles are read")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--features", type=Path, help="folder that keeps features between runs")


def run(options: argparse.Namespace) -> None:
    """Write one row per tile: source, label, box, place and kind."""
    if options.out.suffix not in {".json", ".parquet"}:
        raise DataError(Message("atlas_out_ending", out=str(options.out)), code="bad_output")
    if options.kinds < 1 or options.most < 1 or options.patch < 1:
        raise DataError(Message("atlas_numbers_not_positive"), code="bad_config")
    settings = TileSettings(options.patch, options.patch, options.mpp, options.encoder)
    with tempfile.TemporaryDirectory(prefix="ml-") as scratch:
        context = Context(options.seed, Path(scratch), features=options.features)
        tiles = describe_tiles(load_dataset(options.data), settings, options.most, context)
    atlas = lay_out(tiles.features, method=options.method, kinds=options.kinds, seed=options.seed)
    write_atlas(options.out, tiles, atlas)
    sys.stdout.write(f"{len(tiles.source)} tiles of {len(atlas.leads)} kinds in {options.out}\n")


def describe_tiles(dataset: Dataset, settings: TileSettings, most: int, context: Context) -> DescribedTiles:
    """Return the features of at most ``most`` tiles, drawn from all images, or else from all slides."""
    encoder = open_encoder(settings.encoder, settings.patch, context)
    random = np.random.default_rng(context.seed)
    store = feature_store(context)
    mpp = "native" if settings.mpp is None else format(settings.mpp, "g")
    key = f"{settings.patch}px-{mpp}"
    if dataset.images:
        some = np.sort(random.permutation(len(dataset.images))[:most])
        images = [dataset.images[i] for i in some]
        table = store.open("images", encoder, key)
        rows = image_features([image.path for image in images], encoder, table, context.report)
        names, labels = [str(image.path) for image in images], [image.label for image in images]
        return DescribedTiles(rows, names, labels, np.zeros((len(images), 4), dtype=np.int64))
    parts: list[DescribedTiles] = []
    for slide in dataset.slides:
        store.remember(slide.path, slide.content)
        with opened_square(open_slide, slide) as (reader, _):
            stretch = stretch_of(reader)
            squares = squares_of(tissue_grid(reader, settings, context, None))
            chosen = np.sort(random.permutation(len(squares))[: max(1, most // len(dataset.slides))])
            squares = Squares(squares.corners[chosen], squares.side)
            table = store.open(slide.content, encoder, table_key(key, reader, squares))
            rows = features_of(reader, squares, encoder, table, context.report, workers=context.workers)
        box = stretch.original_boxes(squares.corners, squares.side)
        count = len(squares)
        parts.append(DescribedTiles(rows, [str(slide.path)] * count, [slide.label] * count, box))
    return DescribedTiles(
        np.concatenate([part.features for part in parts]),
        [name for part in parts for name in part.source],
        [label for part in parts for label in part.label],
        np.concatenate([part.box for part in parts]),
    )


def write_atlas(path: Path, tiles: DescribedTiles, atlas: Atlas) -> None:
    """Write the atlas as Parquet, or as JSON with an entry per tile; ``lead`` marks a kind's typical tile."""
    lead = np.zeros(len(atlas.kinds), dtype=bool)
    lead[atlas.leads] = True
    columns: dict[str, Any] = {
        "source": tiles.source,
        "label": tiles.label,
        "x": tiles.box[:, 0],
        "y": tiles.box[:, 1],
        "side": tiles.box[:, 2],
        "height": tiles.box[:, 3],
        "across": atlas.places[:, 0],
        "down": atlas.places[:, 1],
        "kind": atlas.kinds,
        "lead": lead,
    }
    table = pa.table(columns)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(table, path)
        return
    text = json.dumps({"kinds": len(atlas.leads), "tiles": table.to_pylist()}, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
