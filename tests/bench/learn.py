"""Accuracy of recipes on real tissue, beside a plain baseline on the same items.

The splits are drawn once, by the seed below, and nothing in ``ml`` was chosen by looking at the
test parts.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from shapely.geometry import Point, box, shape
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import RepeatedStratifiedKFold

from ml.contracts import Context, Dataset, LabelledImage, LabelledShape, LabelledSlide
from ml.data import load_dataset
from ml.data.folders.images import read_image
from ml.data.objects import outlined_images
from ml.evaluation.bootstrap import estimate, resample_units
from ml.evaluation.objects import measure_image
from ml.methods.loading import load_recipe_class
from ml.slides import open_slide, write_phantom
from ml.slides.stain_separation import separate_stains
from tests.bench.harness import Figure, bench, data_folder

SEED = 0
COLORECTAL = ("adenocarcinoma", "normal", "serrated")
FOLDS = 5
REPEATS = 5


@bench("learn")
def measure_learning() -> Iterator[Figure]:
    """Measure on the mosaic, tiles, nuclei and a synthetic slide."""
    with tempfile.TemporaryDirectory() as folder:
        context = Context(SEED, Path(folder) / "scratch", features=Path(folder) / "features")
        yield from _mosaic(context)
        for kinds in (COLORECTAL[:2], COLORECTAL):
            for per_class in (120, 420):
                yield from tiles(
                    f"learn.tiles{len(kinds)}.{per_class * len(kinds)}", context, kinds, per_class
                )
        yield from _tissue8(context)
        yield from _phantom(context, Path(folder))


@bench("learn_nuclei")
def measure_nuclei() -> Iterator[Figure]:
    """Measure nuclei on 12 images after training on 28: by the seed, and by name."""
    yield from nuclei("learn.nuclei", "dsb2018", 28)
    yield from nuclei("learn.nuclei_by_name", "dsb2018", 28, drawn=False)


def nuclei(name: str, folder: str, count: int, *, drawn: bool = True) -> Iterator[Figure]:
    """Yield the figures of ``nuclei`` on a folder of images: ``count`` to train on, the rest to test.

    Which ones is drawn by the seed, or goes by their names.
    """
    dataset = load_dataset(data_folder() / "nuclei" / folder)
    images = len(dataset.images)
    order = np.random.default_rng(SEED).permutation(images) if drawn else np.arange(images)
    parts = {
        dataset.images[number].case: "train" if place < count else "test"
        for place, number in enumerate(order)
    }
    dataset = dataclasses.replace(dataset, parts=parts)
    plain = _pixel_forest(dataset)
    with tempfile.TemporaryDirectory() as scratch:
        context = Context(SEED, Path(scratch))
        recipe = load_recipe_class("nuclei").build(dataset.labels, {})
        began = time.perf_counter()
        recipe.fit(dataset, context)
        yield Figure(f"{name}.fit", time.perf_counter() - began, "s")
        evaluation = recipe.evaluate(dataset, context)
    for metric, value in evaluation.metrics.items():
        note = f"95 % {value.low:.3f} to {value.high:.3f}; baseline: random forest on pixels"
        yield Figure(f"{name}.{metric}", value.value, "", plain[metric], note)


def _mosaic(context: Context) -> Iterator[Figure]:
    folder = data_folder() / "slides"
    truth = json.loads((folder / "colorectal-mosaic-truth.geojson").read_text())
    halves = {"left": box(0, 0, 2240, 3584), "right": box(2240, 0, 4480, 3584)}
    shapes = tuple(
        LabelledShape(piece, feature["properties"]["classification"]["name"], group=unit)
        for feature in truth["features"]
        for unit, half in halves.items()
        if (piece := shape(feature["geometry"]).intersection(half)).area
    )
    slide = LabelledSlide(folder / "colorectal-mosaic.tif", "mosaic", "m" * 64, shapes)
    dataset = Dataset(
        tuple(sorted({item.label for item in shapes if item.label})),
        slides=(slide,),
        parts={"left": "train", "right": "test"},
        split_by="region",
    )
    recipe = load_recipe_class("descriptors")
    times = []
    for _ in range(2):
        began = time.perf_counter()
        fitted = recipe.build(dataset.labels, {})
        fitted.fit(dataset, context)
        with open_slide(slide.path) as reader:
            list(fitted.predict(reader, context))
        times.append(time.perf_counter() - began)
    evaluation = fitted.evaluate(dataset, context)
    yield Figure("learn.mosaic.auc", evaluation.metrics["auc"].value, "", note=f"{evaluation.count} tiles")
    yield Figure("learn.mosaic.accuracy", evaluation.metrics["accuracy"].value, "")
    yield Figure(
        "learn.mosaic.quick_loop", times[1], "s", times[0], "fit + predict; baseline: nothing stored"
    )


def tiles(name: str, context: Context, kinds: tuple[str, ...], per_class: int) -> Iterator[Figure]:
    """Yield the figures of ``descriptors``: so many tiles of each class to train on, the rest to test."""
    dataset = load_dataset(data_folder() / "tiles/colorectal")
    random = np.random.default_rng(SEED)
    images = tuple(image for image in dataset.images if image.label in kinds)
    parts = {}
    for kind in kinds:
        cases = [image.case for image in images if image.label == kind]
        for place, number in enumerate(random.permutation(len(cases))):
            parts[cases[number]] = "train" if place < per_class else "test"
    dataset = Dataset(kinds, images=images, parts=parts)
    recipe = load_recipe_class("descriptors").build(kinds, {})
    recipe.fit(dataset, context)
    evaluation = recipe.evaluate(dataset, context)
    plain = _plain_forest(dataset)
    for metric in ("auc", "accuracy", "balanced_accuracy"):
        value = evaluation.metrics[metric]
        note = f"95 % {value.low:.3f} to {value.high:.3f}; baseline: forest on plain statistics"
        yield Figure(f"{name}.{metric}", value.value, "", plain[metric], note)


def _tissue8(context: Context) -> Iterator[Figure]:
    """Yield the figures of 100 tiles of eight kinds by five-fold cross-validation, five times."""
    paths = sorted((data_folder() / "tiles/tissue8").glob("*_label_*.png"))
    images = tuple(LabelledImage(path, path.name, path.stem.split("label_")[1]) for path in paths)
    truth = [str(image.label) for image in images]
    labels = tuple(sorted(set(truth)))
    right, plain, folds = np.zeros(len(images)), [], []
    deal = RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=SEED)
    for _, held in deal.split(truth, truth):
        tested = {images[number].case: number for number in held}
        parts = {image.case: "test" if image.case in tested else "train" for image in images}
        dataset = Dataset(labels, images=images, parts=parts)
        recipe = load_recipe_class("descriptors").build(labels, {})
        recipe.fit(dataset, context)
        outcomes = recipe.evaluate(dataset, context).outcomes
        told = outcomes["probability"].argmax(axis=1) == outcomes["truth"]
        right[[tested[unit] for unit in outcomes["unit"]]] += told / REPEATS
        folds.append(told.mean())
        plain.append(_plain_forest(dataset)["accuracy"])
    weights = resample_units(np.array([image.case for image in images], dtype=np.str_), SEED)
    value = estimate(weights @ right / weights.sum(axis=1))
    note = (
        f"95 % {value.low:.3f} to {value.high:.3f}, by resampling tiles; {len(folds)} folds, "
        f"deviation {np.std(folds, ddof=1):.3f}; baseline: forest on plain statistics"
    )
    yield Figure("learn.tissue8.accuracy", value.value, "", float(np.mean(plain)), note)


def _plain_forest(dataset: Dataset) -> dict[str, float]:
    """Return the figures of a random forest on mean, spread and quantiles of red, green and blue."""
    rows, truth, held = [], [], []
    for image in dataset.images:
        pixels = read_image(image.path).reshape(-1, 3).astype(np.float32)
        quantiles = np.quantile(pixels[::7], (0.1, 0.5, 0.9), axis=0).ravel()
        rows.append(np.concatenate([pixels.mean(axis=0), pixels.std(axis=0), quantiles]))
        truth.append(dataset.labels.index(str(image.label)))
        held.append(dataset.parts[image.case] == "test")
    x, y, test = np.array(rows), np.array(truth), np.array(held)
    forest = RandomForestClassifier(300, random_state=SEED).fit(x[~test], y[~test])
    share = forest.predict_proba(x[test])
    score = share[:, 1] if share.shape[1] == 2 else share
    return {
        "auc": float(roc_auc_score(y[test], score, multi_class="ovr")),
        "accuracy": float(accuracy_score(y[test], share.argmax(axis=1))),
        "balanced_accuracy": float(balanced_accuracy_score(y[test], share.argmax(axis=1))),
    }


def _pixel_forest(dataset: Dataset) -> dict[str, float]:
    """Return the figures of a random forest on colour and stains of each pixel; blobs are objects."""
    from scipy import ndimage

    def describe(pixels: np.ndarray) -> np.ndarray:
        layers = np.concatenate([pixels.astype(np.float32) / 255, separate_stains(pixels)], axis=2)
        smooth = [ndimage.gaussian_filter(layers, (s, s, 0)) for s in (1, 2, 4)]
        return np.concatenate([layers, *smooth], axis=2)

    random = np.random.default_rng(SEED)
    rows, truth = [], []
    for image in outlined_images(dataset, ("train",), None):
        chosen = random.permutation(image.instances.size)[:3000]
        described = describe(image.pixels)
        rows.append(described.reshape(-1, described.shape[2])[chosen])
        truth.append((image.instances > 0).ravel()[chosen])
    forest = RandomForestClassifier(60, min_samples_leaf=5, random_state=SEED)
    forest.fit(np.concatenate(rows), np.concatenate(truth))
    measures = []
    for image in outlined_images(dataset, ("test",), None):
        described = describe(image.pixels)
        share = forest.predict_proba(described.reshape(-1, described.shape[2]))[:, 1]
        blobs, _ = ndimage.label(share.reshape(image.instances.shape) > 0.5)
        measures.append(measure_image(image.instances, blobs.astype(np.int32)))
    return {name: float(np.mean([row[name] for row in measures])) for name in measures[0]}


def _phantom(context: Context, folder: Path) -> Iterator[Figure]:
    """Yield the figures on a synthetic slide, after training on twenty of its points."""
    truth = write_phantom(folder / "phantom.tif", width=4096, height=4096, seed=3)
    random = np.random.default_rng(SEED)
    points = []
    for label, region in truth.regions:
        left, top, right, bottom = region.bounds
        inside = 0
        while inside < 10 and region.area > 224**2:
            place = Point(random.uniform(left, right), random.uniform(top, bottom))
            inside += region.contains(place)
            if region.contains(place):
                points.append(LabelledShape(place, label))
    labels = tuple(sorted({label for label, _ in truth.regions}))
    slide = LabelledSlide(folder / "phantom.tif", "p", "p" * 64, tuple(points))
    dataset = Dataset(labels, slides=(slide,))
    recipe = load_recipe_class("descriptors").build(labels, {"patch": 112, "stride": 112})
    recipe.fit(dataset, context)
    right, count = 0, 0
    with open_slide(slide.path) as reader:
        for item in recipe.predict(reader, context):
            if item.objects is None:
                continue
            for geometry, label in zip(item.objects.geometry, item.objects.label, strict=True):
                known = [name for name, region in truth.regions if region.contains(geometry)]
                count += bool(known)
                right += bool(known) and known[0] == labels[label]
    note = f"{count} patches inside one region, {len(points)} points"
    yield Figure("learn.phantom.accuracy", right / max(count, 1), "", note=note)
