"""``slide-features``: counts, spread of lymphocytes and nuclear grade of slides, and a score by them."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.contracts import DataError
from ml.data.outlines import read_outlines
from ml.features.derived import NAMES, fit_line, left_out, slide_features
from ml.messages import Message


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the tool."""
    parser.add_argument(
        "nuclei", type=Path, nargs="+", help="object sets or GeoJSON of nuclei, one per slide"
    )
    parser.add_argument("--out", type=Path, required=True, help="CSV of the numbers")
    parser.add_argument("--mpp", type=float, required=True, help="µm per level-0 pixel")
    parser.add_argument("--mpp-y", type=float, help="where pixels are not square: their height in µm")
    parser.add_argument("--tumour", default="tumour", help="label of tumour nuclei")
    parser.add_argument("--lymphocyte", default="lymphocyte", help="label of lymphocytes")
    parser.add_argument("--scores", type=Path, help="CSV of nuclei file stem, score: fit a line")


def run(options: argparse.Namespace) -> None:
    """Write the descriptors of each slide; with scores, print their correlation in leave-one-out."""
    rows: dict[str, NDArray[np.float64]] = {}
    for path in options.nuclei:
        shapes, names = read_outlines(path, options.mpp, options.mpp_y)
        pairs = list(zip(shapes, names, strict=True))
        rows[path.stem] = slide_features(
            [shape for shape, name in pairs if name == options.tumour],
            [shape for shape, name in pairs if name == options.lymphocyte],
        )
    with options.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["slide", *NAMES])
        writer.writerows([name, *(round(float(value), 5) for value in row)] for name, row in rows.items())
    sys.stdout.write(f"{len(rows)} slides in {options.out}\n")
    if options.scores is not None:
        tell_scores(rows, options)


def tell_scores(rows: dict[str, NDArray[np.float64]], options: argparse.Namespace) -> None:
    """Fit a line, write it beside the descriptors, and print Pearson's r of left-out slides."""
    with options.scores.open(newline="", encoding="utf-8") as file:
        given = {row[0]: row[1] for row in csv.reader(file) if len(row) > 1}
    names = [name for name in rows if name in given]
    try:
        score = np.array([float(given[name]) for name in names])
    except ValueError as error:
        raise DataError(
            Message("score_not_a_number", file=str(options.scores), reason=error),
            code="bad_scores",
        ) from error
    table = np.stack([rows[name] for name in names]) if names else np.zeros((0, len(NAMES)))
    line = fit_line(table, score)
    predicted = left_out(table, score) if len(names) > 5 else np.full(len(names), np.nan)  # noqa: PLR2004 - see fit_line
    document = {
        key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in asdict(line).items()
    }
    text = json.dumps({"names": NAMES, **document}, indent=1)
    options.out.with_suffix(".line.json").write_text(text + "\n", encoding="utf-8")
    known = np.isfinite(predicted).all() and np.ptp(predicted) > 0 and np.ptp(score) > 0
    correlation = float(np.corrcoef(predicted, score)[0, 1]) if known else float("nan")
    sys.stdout.write(f"Scores of {len(names)} slides by the others: r = {correlation:.3f}\n")
