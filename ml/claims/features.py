"""Claims of the tools that describe tiles and nuclei by features."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from ml.claims.harness import Pair, claim
from ml.claims.material import real_data
from ml.data.folders.images import read_image
from ml.features.atlas import lay_out
from ml.features.clusters import cut_tree, describe_clusters, spanning_tree, usual_longest
from ml.features.derived import left_out, slide_features
from ml.features.descriptors import DescriptorEncoder
from ml.training.stacked import cross_validated

CLUSTERS: Final = 5


def strands(seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return nuclei (n, 2) in µm along bent strands that do not touch, and the strand of each."""
    random = np.random.default_rng(seed)
    points, member = [], []
    for number in range(CLUSTERS):
        along = np.linspace(0, random.uniform(1.0, 1.7) * np.pi, 45)
        radius = 60 + 75 * number + 8 * np.sin(3 * along + random.uniform(0, 6))
        turn = random.uniform(0, 2 * np.pi)
        arc = np.stack([np.cos(along + turn), np.sin(along + turn)], axis=1) * radius[:, None]
        step = max(1, round(45 * 60 / radius.mean() / 4))
        dense = np.repeat(arc, max(1, 4 // step), axis=0)
        points.append(dense + random.normal(0, 6, dense.shape))
        member.append(np.full(len(dense), number))
    return np.concatenate(points), np.concatenate(member)


@claim(
    "nucleus-clusters-outline",
    method="nucleus-clusters",
    baseline="k-means, told the number of clusters",
    metric="adjusted Rand index",
    data="phantom strands of nuclei",
    says="finds clusters of any outline better than k-means",
)
def measure_clusters(seed: int, scratch: Path) -> Pair:
    """Measure clusters of a tree cut at 2.5 times its median edge; k-means has ten starts."""
    del scratch
    points, member = strands(seed)
    tree = spanning_tree(points)
    clusters = cut_tree(tree, len(points), usual_longest(tree))
    plain = KMeans(CLUSTERS, n_init=10, random_state=seed).fit_predict(points)
    return Pair(
        float(adjusted_rand_score(member, plain)), float(adjusted_rand_score(member, clusters)), len(points)
    )


GRADED: Final = 40


def graded_slide(random: np.random.Generator, *, high: bool) -> list[shapely.Polygon]:
    """Return nuclei in µm: rings of glands, or cords that interpenetrate, equal in number and size."""
    shapes = []
    for centre in random.uniform(0, 1500, (10, 2)):
        angle = np.sort(random.uniform(0, 2 * np.pi, 14))
        ring = np.stack([np.cos(angle), np.sin(angle)], axis=1) * random.uniform(20, 30)
        line = np.stack([np.linspace(-70, 70, 14), np.zeros(14)], axis=1)
        turn = random.uniform(0, np.pi)
        cord = line @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        # Half of each kind in every slide: what counts is which is more frequent.
        kind = random.random() < (0.62 if high else 0.38)
        places = centre + (cord if kind else ring) + random.normal(0, 3, (14, 2))
        shapes += [shapely.Point(x, y).buffer(random.uniform(3, 4.5), 4) for x, y in places]
    return shapes


@claim(
    "nucleus-clusters-grade",
    method="nucleus-clusters",
    baseline="the same ensemble on number, size and density of nuclei",
    metric="accuracy of slides in five folds",
    data="phantom slides of two architectures",
    says="the shape of clusters tells grades that counts and sizes of nuclei do not",
)
def measure_grades(seed: int, scratch: Path) -> Pair:
    """Measure the grades of forty slides in folds of whole slides."""
    del scratch
    random = np.random.default_rng(seed)
    rows: list[NDArray[np.float64]] = []
    plain, truth, unit = [], [], []
    for number in range(GRADED):
        shapes = graded_slide(random, high=number % 2 == 1)
        centres = shapely.get_coordinates(shapely.centroid(np.asarray(shapes, dtype=object)))
        tree = spanning_tree(centres)
        _, descriptors = describe_clusters(shapes, tree, cut_tree(tree, len(shapes), usual_longest(tree)), 5)
        rows.append(descriptors)
        area = shapely.area(np.asarray(shapes, dtype=object))
        hull = float(shapely.area(shapely.convex_hull(shapely.multipoints(centres))))
        plain.append([len(shapes), area.mean(), area.std(), len(shapes) / hull])
        truth.append("high" if number % 2 else "low")
        unit.append(f"{number:02d}")
    owner = np.repeat(np.arange(GRADED), [len(row) for row in rows])
    names, grades = np.array(unit), np.array(truth)
    predicted = cross_validated(np.concatenate(rows), grades[owner], names[owner], seed)
    beside = cross_validated(np.array(plain), grades, names, seed)
    right = [
        float(np.mean([told_by[n] == g for n, g in zip(unit, truth, strict=True)]))
        for told_by in (beside, predicted)
    ]
    return Pair(right[0], right[1], GRADED)


@claim(
    "slide-features-score",
    method="slide-features",
    baseline="the same regression on the density of tumour cells alone",
    metric="Pearson's r of slides left out",
    data="phantom nuclei of 30 slides, score by immune cells, grade and chance",
    says="derived features tell a score better than tumour cells alone",
)
def measure_score(seed: int, scratch: Path) -> Pair:
    """Measure the score of simulated slides: clustered lymphocytes lower it, nuclear size raises it."""
    del scratch
    random = np.random.default_rng(seed)
    rows, scores = [], []
    for _ in range(30):
        size, immune, clumped = random.uniform(3.2, 5.4), random.uniform(0.1, 0.6), random.uniform(0, 1)
        tumour = [
            shapely.Point(x, y).buffer(random.normal(size, 0.4), 4)
            for x, y in random.uniform(0, 1000, (int(random.integers(150, 400)), 2))
        ]
        count = round(len(tumour) * immune)
        spread = random.uniform(0, 1000, (count, 2))
        spot = random.uniform(200, 800, 2) + random.normal(0, 90, (count, 2))
        cells = np.where((random.random(count) < clumped)[:, None], spot, spread)
        rows.append(slide_features(tumour, [shapely.Point(x, y).buffer(2.5, 4) for x, y in cells]))
        scores.append(18 + 6 * size - 20 * immune + 5 * clumped + random.normal(0, 4))
    table, score = np.stack(rows), np.array(scores)
    left_out_scores = [left_out(columns, score) for columns in (table[:, :1], table)]
    plain, derived = (float(np.corrcoef(values, score)[0, 1]) for values in left_out_scores)
    return Pair(plain, derived, len(score))


@claim(
    "atlas",
    method="atlas",
    baseline="kinds of colour alone",
    metric="adjusted Rand index",
    data="real tiles of eight tissues, 70 of 100 drawn by the seed",
    says="kinds of described tiles agree with the true tissue better than kinds of colour",
)
def _atlas(seed: int, scratch: Path) -> Pair:
    del scratch
    paths = sorted(real_data("tiles/tissue8").glob("*_label_*.png"))
    chosen = np.sort(np.random.default_rng(seed).permutation(len(paths))[:70])
    tiles = np.stack([read_image(paths[i], 224) for i in chosen])
    truth = [paths[i].stem.split("label_")[1] for i in chosen]
    flat = tiles.reshape(len(tiles), -1, 3).astype(np.float32)
    colour = np.concatenate([flat.mean(axis=1), flat.std(axis=1)], axis=1)
    agreements = [
        float(adjusted_rand_score(truth, lay_out(rows, method="pca", kinds=8, seed=seed).kinds))
        for rows in (colour, DescriptorEncoder().encode(tiles))
    ]
    return Pair(agreements[0], agreements[1], len(chosen))
