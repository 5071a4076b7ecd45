"""``nucleus-clusters``: clusters of nuclei by a minimum spanning tree, their shape, and grading by them."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.affinity import scale
from shapely.geometry import mapping

from ml.contracts import DataError
from ml.data.outlines import read_outlines
from ml.features.clusters import NAMES, cut_tree, describe_clusters, k_medoids, spanning_tree, usual_longest
from ml.messages import Message
from ml.training.stacked import cross_validated

SMALLEST_HULL = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the tool."""
    parser.add_argument(
        "nuclei", type=Path, nargs="+", help="object sets or GeoJSON of nuclei, one per slide"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for clusters.csv and GeoJSON")
    parser.add_argument("--mpp", type=float, required=True, help="µm per level-0 pixel")
    parser.add_argument("--mpp-y", type=float, help="where pixels are not square: their height in µm")
    parser.add_argument("--kind", help="label of the nuclei that are joined; all without")
    parser.add_argument("--longest", type=float, help="longest edge in µm; default: 2.5 times the median")
    parser.add_argument("--smallest", type=int, default=5, help="nuclei of a cluster, at least")
    parser.add_argument("--groups", type=int, default=3, help="groups of clusters by K-medoids")
    parser.add_argument(
        "--grades", type=Path, help="CSV of nuclei file stem, grade: learn grades from clusters"
    )
    parser.add_argument("--seed", type=int, default=0)


def run(options: argparse.Namespace) -> None:
    """Write the clusters of each slide; with grades, print the accuracy in cross-validation."""
    options.out.mkdir(parents=True, exist_ok=True)
    rows: list[tuple[str, int, NDArray[np.float64]]] = []
    hulls: dict[str, list[tuple[int, Any]]] = {}
    for path in options.nuclei:
        for number, row, hull in clusters_of(path, options):
            rows.append((path.stem, number, row))
            hulls.setdefault(path.stem, []).append((len(rows) - 1, hull))
    if not rows:
        message = Message("no_cluster_of_size", count=options.smallest)
        raise DataError(message, code="no_clusters")
    table = np.stack([row for *_, row in rows])
    groups = k_medoids(table, options.groups, options.seed)
    with (options.out / "clusters.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["slide", "cluster", "group", *NAMES])
        for (name, number, row), group in zip(rows, groups, strict=True):
            writer.writerow([name, number, int(group), *(round(float(value), 4) for value in row)])
    for name, items in hulls.items():
        features = [
            feature(hull, int(groups[place]), table[place], (options.mpp, options.mpp_y or options.mpp))
            for place, hull in items
        ]
        document = json.dumps({"type": "FeatureCollection", "features": features})
        (options.out / f"{name}-clusters.geojson").write_text(document, encoding="utf-8")
    sys.stdout.write(f"{len(rows)} clusters of {len(hulls)} slides in {options.out}\n")
    if options.grades is not None:
        tell_grades(rows, table, options)


def clusters_of(path: Path, options: argparse.Namespace) -> list[tuple[int, NDArray[np.float64], Any]]:
    """Return (number, features, hull in µm) of each cluster of a slide."""
    shapes, names = read_outlines(path, options.mpp, options.mpp_y)
    if options.kind is not None:
        shapes = [shape for shape, name in zip(shapes, names, strict=True) if name == options.kind]
    if not shapes:
        raise DataError(
            Message("no_nuclei_of_kind", file=str(path), kind=options.kind),
            code="no_outlines",
        )
    centres = shapely.get_coordinates(shapely.centroid(np.asarray(shapes, dtype=object)))
    tree = spanning_tree(centres)
    longest = options.longest if options.longest is not None else usual_longest(tree)
    clusters = cut_tree(tree, len(shapes), longest)
    numbers, rows = describe_clusters(shapes, tree, clusters, max(SMALLEST_HULL, options.smallest))
    return [
        (int(number), row, shapely.convex_hull(shapely.multipoints(centres[clusters == number])))
        for number, row in zip(numbers, rows, strict=True)
    ]


def feature(hull: Any, group: int, row: NDArray[np.float64], mpp: tuple[float, float]) -> dict[str, Any]:
    """Return one cluster as a QuPath feature, in level-0 pixels."""
    return {
        "type": "Feature",
        "geometry": mapping(scale(hull, 1 / mpp[0], 1 / mpp[1], origin=(0, 0))),
        "properties": {
            "objectType": "annotation",
            "classification": {"name": f"cluster group {group + 1}"},
            "measurements": {name: round(float(value), 4) for name, value in zip(NAMES, row, strict=True)},
        },
    }


def tell_grades(
    rows: list[tuple[str, int, NDArray[np.float64]]], table: NDArray[np.float64], options: argparse.Namespace
) -> None:
    """Print the accuracy of a stacked ensemble on held-out slides, and write ``grades.csv``."""
    with options.grades.open(newline="", encoding="utf-8") as file:
        grades = {row[0]: row[1] for row in csv.reader(file) if len(row) > 1}
    lacking = sorted({name for name, *_ in rows} - set(grades))
    if lacking:
        raise DataError(
            Message("grades_missing", file=str(options.grades), slides=", ".join(lacking[:5])),
            code="no_grade",
        )
    slides = np.array([name for name, *_ in rows])
    truth = np.array([grades[name] for name in slides])
    predicted = cross_validated(table, truth, slides, options.seed)
    with (options.out / "grades.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [
                ["slide", "grade", "told"],
                *([name, grades[name], predicted[name]] for name in sorted(predicted)),
            ]
        )
    right = np.mean([predicted[name] == grades[name] for name in predicted])
    sys.stdout.write(f"Grades of {len(predicted)} slides by the others: {right:.3f} right\n")
