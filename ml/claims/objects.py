"""Claims of the methods that detect or outline objects, on real crops with outlined nuclei."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from ml.claims.harness import Pair, claim
from ml.claims.material import real_data
from ml.contracts import Context, Dataset, Evaluation
from ml.data import load_dataset
from ml.data.objects import OutlinedImage, outlined_images
from ml.evaluation.froc import Matched, average_precision, best_threshold, counts_at, froc, match
from ml.evaluation.objects import measure_image
from ml.features.clusters import cut_tree, describe_clusters, spanning_tree, usual_longest
from ml.features.derived import left_out, slide_features
from ml.features.nuclei import otsu
from ml.inference.peaks import overlaps, peaks_of
from ml.methods.loading import load_recipe_class
from ml.slides.stain_separation import separate_stains
from ml.training.detection import boxes_of, centres_of
from ml.training.stacked import cross_validated

BUDGET: Final = {"width": 8, "crop": 96, "steps": 250, "batch": 4}
# What a core does of HoVer-Net in some minutes; its crops are of one size.
SMALL_BUDGET: Final = {"crop": 256, "steps": 50, "batch": 1}
REACH: Final = 10
SETS: Final = {"dsb2018": 40, "nuinsseg": 16}


@cache
def crops(name: str, seed: int) -> Dataset:
    """Return the crops of a set, split by the seed: half to train, a fifth to validate, the rest to test."""
    dataset = load_dataset(real_data(f"nuclei/{name}"))
    order = np.random.default_rng(seed).permutation(len(dataset.images))
    ends = (round(0.5 * len(order)), round(0.7 * len(order)))
    parts = {}
    for place, number in enumerate(order):
        part = "train" if place < ends[0] else "validation" if place < ends[1] else "test"
        parts[dataset.images[number].case] = part
    return replace(dataset, parts=parts)


@cache
def evaluated(recipe: str, name: str, seed: int, *, full: bool = False) -> Evaluation:
    """Return the test figures of a recipe trained with the shared budget, or in ``full`` on a GPU."""
    dataset = crops(name, seed)
    budget = {} if full else SMALL_BUDGET if recipe == "hovernet" else BUDGET
    config: Mapping[str, Any] = {**budget, **({"reach": REACH} if recipe in {"points", "boxes"} else {})}
    model = load_recipe_class(recipe).build(dataset.labels, config)
    with TemporaryDirectory(prefix="ml-") as scratch:
        context = Context(seed, Path(scratch), "cuda" if full else "cpu")
        model.fit(dataset, context)
        return model.evaluate(dataset, context)


@cache
def connected(name: str, seed: int) -> dict[str, float]:
    """Return the figures of connected dark areas; their smallest size is chosen on train and validation."""
    dataset = crops(name, seed)
    known = [item for part in ("train", "validation") for item in outlined_images(dataset, (part,), None)]
    sizes = (10, 20, 40, 80)
    best = max(sizes, key=lambda size: np.nanmean([_figures(item, size)["pq"] for item in known]))
    rows = [_figures(item, best) for item in outlined_images(dataset, ("test",), None)]
    return {key: float(np.nanmean([row[key] for row in rows])) for key in rows[0]}


def _figures(image: OutlinedImage, size: int) -> dict[str, float]:
    return measure_image(image.instances, dark_areas(image.pixels, size))


def dark_areas(pixels: NDArray[np.uint8], smallest: int) -> NDArray[np.int32]:
    """Return connected areas of haematoxylin above Otsu's threshold, with holes filled and specks removed."""
    stain = ndimage.gaussian_filter(separate_stains(pixels)[..., 0], 1.0)
    low, high = (float(value) for value in np.percentile(stain, (0.5, 99.5)))
    mask = ndimage.binary_fill_holes(ndimage.binary_opening(stain > otsu(stain, low, max(high, low + 0.01))))
    areas, _ = ndimage.label(mask)
    kept = np.bincount(areas.ravel()) >= smallest
    kept[0] = False
    numbers = np.where(kept, np.cumsum(kept), 0)
    return np.asarray(numbers[areas], dtype=np.int32)


def _test_size(name: str) -> int:
    return SETS[name] - round(0.7 * SETS[name])


def _beside_areas(measure: str, name: str, seed: int, recipe: str = "nuclei-hv") -> Pair:
    value = evaluated(recipe, name, seed).metrics[measure].value
    return Pair(connected(name, seed)[measure], value, _test_size(name))


@claim(
    "nuclei-hv-pq",
    method="nuclei-hv",
    baseline="connected areas of haematoxylin",
    metric="panoptic quality",
    data="nuclei/dsb2018",
    says="outlines nuclei better than connected dark areas",
)
def measure_hv(seed: int, scratch: Path) -> Pair:
    """Measure the panoptic quality after training on half of the crops."""
    del scratch
    return _beside_areas("pq", "dsb2018", seed)


@claim(
    "hovernet-areas",
    method="hovernet",
    baseline="connected areas of haematoxylin",
    metric="panoptic quality",
    data="nuclei/dsb2018, fifty steps of one crop of 256 px",
    says="outlines nuclei better than connected dark areas",
)
def measure_hovernet(seed: int, scratch: Path) -> Pair:
    """Measure HoVer-Net after a training that a CPU allows; ``hovernet-full`` needs a GPU."""
    del scratch
    return _beside_areas("pq", "dsb2018", seed, "hovernet")


@claim(
    "hovernet-full",
    method="hovernet",
    baseline="connected areas of haematoxylin",
    metric="panoptic quality",
    data="nuclei/dsb2018, 1,200 steps of two crops of 256 px on a GPU",
    says="outlines nuclei better than connected dark areas",
    gpu=True,
)
def measure_hovernet_full(seed: int, scratch: Path) -> Pair:
    """Measure HoVer-Net trained with the recipe's own settings."""
    del scratch
    value = evaluated("hovernet", "dsb2018", seed, full=True).metrics["pq"].value
    return Pair(connected("dsb2018", seed)["pq"], value, _test_size("dsb2018"))


@claim(
    "hovernet-nuclei",
    method="hovernet",
    baseline="nuclei, by its own settings too",
    metric="panoptic quality",
    data="nuclei/dsb2018, 1,200 steps each on a GPU",
    says="outlines nuclei better than a light U-Net",
    gpu=True,
)
def measure_hovernet_nuclei(seed: int, scratch: Path) -> Pair:
    """Measure ``hovernet-full`` beside ``nuclei``, both trained with their GPU settings."""
    del scratch
    pair = [
        evaluated(recipe, "dsb2018", seed, full=True).metrics["pq"].value for recipe in ("nuclei", "hovernet")
    ]
    return Pair(pair[0], pair[1], _test_size("dsb2018"))


@claim(
    "nuclei-hv-aji",
    method="nuclei-hv",
    baseline="connected areas of haematoxylin",
    metric="aggregated Jaccard index",
    data="nuclei/dsb2018",
    says="parts nuclei better than connected dark areas",
)
def measure_hv_aji(seed: int, scratch: Path) -> Pair:
    """Measure the aggregated Jaccard index of the models of ``nuclei-hv-pq``."""
    del scratch
    return _beside_areas("aji", "dsb2018", seed)


@claim(
    "nuclei-hv-depth",
    method="nuclei-hv",
    baseline="nuclei (class and depth)",
    metric="panoptic quality",
    data="nuclei/dsb2018",
    says="parts nuclei better by offsets than by depth, with the same network and budget",
)
def measure_hv_depth(seed: int, scratch: Path) -> Pair:
    """Measure both recipes, trained on the same crops with the same budget."""
    del scratch
    pair = [evaluated(recipe, "dsb2018", seed).metrics["pq"].value for recipe in ("nuclei", "nuclei-hv")]
    return Pair(pair[0], pair[1], _test_size("dsb2018"))


@claim(
    "nuclei-hv-nuinsseg",
    method="nuclei-hv",
    baseline="connected areas of haematoxylin",
    metric="Dice",
    data="nuclei/nuinsseg",
    says="outlines nuclei of many organs better than connected dark areas",
)
def measure_hv_organs(seed: int, scratch: Path) -> Pair:
    """Measure Dice after training on half of the sixteen crops, whose masks do not part touching nuclei."""
    del scratch
    return _beside_areas("dice", "nuinsseg", seed)


@cache
def plain_detections(seed: int, part: str, *, boxes: bool) -> tuple[Matched, ...]:
    """Return the baseline's detections: maxima of haematoxylin, or boxes of dark areas."""
    matched = []
    for image in outlined_images(crops("dsb2018", seed), (part,), None):
        there = np.unique(image.instances[image.instances > 0])
        stain = ndimage.gaussian_filter(separate_stains(image.pixels)[..., 0], 1.0 if boxes else 3.0)
        if boxes:
            areas = dark_areas(image.pixels, 40)
            places = boxes_of(areas)
            score = np.asarray(ndimage.mean(stain, areas, np.arange(1, int(areas.max()) + 1)), np.float32)
            near = overlaps(places, boxes_of(image.instances)[there - 1]) - 0.5
        else:
            places, score = peaks_of(stain, REACH // 2, -10.0)
            truth = centres_of(image.instances)[there - 1]
            near = REACH - np.linalg.norm(places[:, None] - truth[None], axis=2)
        labels = np.zeros(len(score), np.int16)
        matched.append(match(score, labels, np.zeros(len(there), np.int16), near, 1))
    return tuple(matched)


@claim(
    "points-f1",
    method="points",
    baseline="maxima of smoothed haematoxylin, threshold by validation",
    metric="F1 of points within 10 px",
    data="nuclei/dsb2018",
    says="finds nuclei better than the maxima of haematoxylin",
)
def measure_points(seed: int, scratch: Path) -> Pair:
    """Measure F1 of points after training on half of the crops; thresholds come from the validation part."""
    del scratch
    limit = best_threshold(plain_detections(seed, "validation", boxes=False))
    hits, extra, missed = counts_at(plain_detections(seed, "test", boxes=False), limit, 1).sum(axis=(0, 1))
    value = evaluated("points", "dsb2018", seed).metrics["f1"].value
    return Pair(2 * hits / (2 * hits + extra + missed), value, _test_size("dsb2018"))


@claim(
    "points-froc",
    method="points",
    baseline="maxima of smoothed haematoxylin",
    metric="FROC, 1/4 to 8 false positives per image",
    data="nuclei/dsb2018",
    says="ranks nuclei better than the maxima of haematoxylin",
)
def measure_froc(seed: int, scratch: Path) -> Pair:
    """Measure FROC of the models of ``points-f1``."""
    del scratch
    plain = plain_detections(seed, "test", boxes=False)
    baseline = float(froc(plain, np.ones((1, len(plain))))[0])
    return Pair(baseline, evaluated("points", "dsb2018", seed).metrics["froc"].value, _test_size("dsb2018"))


@claim(
    "boxes-ap",
    method="boxes",
    baseline="boxes around connected dark areas, by their darkness",
    metric="average precision at an overlap of one half",
    data="nuclei/dsb2018",
    says="draws boxes around nuclei better than connected dark areas do",
)
def measure_boxes(seed: int, scratch: Path) -> Pair:
    """Measure the average precision of boxes after training on half of the crops."""
    del scratch
    plain = plain_detections(seed, "test", boxes=True)
    baseline = float(average_precision(plain, np.ones((1, len(plain))))[0])
    value = evaluated("boxes", "dsb2018", seed).metrics["average_precision"].value
    return Pair(baseline, value, _test_size("dsb2018"))


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
