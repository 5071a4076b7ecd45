"""``hipomap``: one picture of fixed size per slide, and classification of slides by them."""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from pathlib import Path

import numpy as np

from ml.contracts import Context, DataError
from ml.explain.hipomap import as_image, hipomap
from ml.messages import Message
from ml.methods.bases.patch_recipe import PatchRecipe
from ml.methods.loading import load_model
from ml.slides import open_slide
from ml.slides.resolution import square_view
from ml.training.stacked import cross_validated


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the tool."""
    parser.add_argument("model", type=Path, help="a model of a network over patches")
    parser.add_argument("slides", type=Path, nargs="+")
    parser.add_argument("--label", required=True, help="whose evidence is pictured")
    parser.add_argument("--out", type=Path, required=True, help="folder for a picture and numbers per slide")
    parser.add_argument("--diagnoses", type=Path, help="CSV of slide stem, diagnosis: tell them by pictures")
    parser.add_argument("--seed", type=int, default=0)


def run(options: argparse.Namespace) -> None:
    """Write ``NAME.npy`` and ``NAME.png`` of each slide; with diagnoses, print the accuracy on them."""
    recipe = load_model(options.model)
    if not isinstance(recipe, PatchRecipe):
        raise DataError(
            Message("not_a_patch_classifier", title=recipe.title),
            code="cannot_explain",
        )
    options.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for path in options.slides:
        with open_slide(path) as slide, tempfile.TemporaryDirectory(prefix="ml-") as scratch:
            picture = hipomap(recipe, square_view(slide), Context(options.seed, Path(scratch)), options.label)
        np.save(options.out / f"{path.stem}.npy", picture, allow_pickle=False)
        as_image(picture).save(options.out / f"{path.stem}.png")
        rows.append(picture.ravel().astype(np.float64))
    sys.stdout.write(f"{len(rows)} pictures in {options.out}\n")
    if options.diagnoses is None:
        return
    with options.diagnoses.open(newline="", encoding="utf-8") as file:
        given = {row[0]: row[1] for row in csv.reader(file) if len(row) > 1}
    names = np.array([path.stem for path in options.slides])
    lacking = [name for name in names if name not in given]
    if lacking:
        raise DataError(
            Message("diagnoses_missing", file=str(options.diagnoses), slides=", ".join(lacking[:5])),
            code="no_diagnosis",
        )
    truth = np.array([given[name] for name in names])
    predicted = cross_validated(np.stack(rows), truth, names, options.seed)
    right = np.mean([predicted[name] == given[name] for name in predicted])
    sys.stdout.write(f"Diagnoses of {len(predicted)} slides by the others: {right:.3f} right\n")
