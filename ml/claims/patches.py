"""Claims of recipes that classify patches."""

from __future__ import annotations

import dataclasses
import functools
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.claims.harness import Pair, claim
from ml.claims.tiles import SMALL, colorectal, drawn, figure, fit, measure, textures
from ml.contracts import Dataset, Settings
from ml.methods.bases.patch_recipe import PatchRecipe

TWO: Final = ("normal", "adenocarcinoma")
PLACE: Final = 128
NEAR: Final = 32
EIGHT: Final = tuple(f"{number:03b}" for number in range(8))
PLAIN: Final = {**SMALL, "hue": 0.0, "zoom": 0.0, "degrade": 0.0}


@claim(
    "convolutional-descriptors",
    method="convolutional",
    baseline="descriptors",
    metric="balanced accuracy",
    data="tiles/colorectal, 3 labels, 750 to learn from",
    says="a small convolutional network beats hand-made descriptors",
)
def convolutional_descriptors(seed: int, scratch: Path) -> Pair:
    """Measure both, trained on the same 200 tiles and validated on the same 50 of each label."""
    data = colorectal(seed, train=200, validation=50, test=100)
    plain = measure(fit("descriptors", data, scratch, seed, patch=112), data, scratch)
    config = {**SMALL, "pixels": 64, "epochs": 20, "patience": 20}
    network = measure(fit("convolutional", data, scratch, seed, **config), data, scratch)
    return Pair(
        figure(plain, "balanced_accuracy"), figure(network, "balanced_accuracy"), len(data.images) * 2 // 7
    )


@functools.cache
def _mixed(seed: int, mixing: str) -> dict[str, float]:
    """Return the figures of the same network under one kind of mixing, with uncalibrated scores.

    Kept for the run, as the claims about MixPatch share baselines.
    """
    with tempfile.TemporaryDirectory(prefix="ml-claim-") as folder:
        scratch = Path(folder)
        data = colorectal(seed, train=100, validation=30, test=150, labels=TWO)
        recipe = fit("mixpatch", data, scratch, seed, **SMALL, mixing=mixing)
        recipe.temperature = 1.0
        evaluation = measure(recipe, data, scratch)
    return {name: figure(evaluation, name) for name in ("ece", "accuracy")}


@claim(
    "mixpatch-calibration",
    method="mixpatch",
    baseline="the same network, plain second half",
    metric="expected calibration error, no temperature",
    data="tiles/colorectal, 2 labels, 260 to learn from",
    says="MixPatch lowers the calibration error",
    less=True,
)
def mixpatch_calibration(seed: int, _scratch: Path) -> Pair:
    """Measure calibration with and without mixing; only the second half of each batch differs."""
    return Pair(_mixed(seed, "none")["ece"], _mixed(seed, "mixpatch")["ece"], 300)


@claim(
    "mixpatch-accuracy",
    method="mixpatch",
    baseline="the same network, plain second half, less 0.02",
    metric="accuracy",
    data="tiles/colorectal, 2 labels, 260 to learn from",
    says="MixPatch loses no more than two points of accuracy",
)
def mixpatch_accuracy(seed: int, _scratch: Path) -> Pair:
    """Measure accuracy with and without mixing; two points of difference count as equal."""
    return Pair(
        _mixed(seed, "none")["accuracy"] - 0.02,
        _mixed(seed, "mixpatch")["accuracy"],
        300,
    )


def _mixing_pair(seed: int, other: str) -> Pair:
    return Pair(_mixed(seed, other)["ece"], _mixed(seed, "mixpatch")["ece"], 300)


@claim(
    "mixpatch-smoothing",
    method="mixpatch",
    baseline="label smoothing",
    metric="expected calibration error, no temperature",
    data="tiles/colorectal, 2 labels, 260 to learn from",
    says="MixPatch is better calibrated than label smoothing",
    less=True,
)
def mixpatch_smoothing(seed: int, _scratch: Path) -> Pair:
    """Measure calibration of MixPatch and of label smoothing."""
    return _mixing_pair(seed, "label smoothing")


@claim(
    "mixpatch-mixup",
    method="mixpatch",
    baseline="mixup",
    metric="expected calibration error, no temperature",
    data="tiles/colorectal, 2 labels, 260 to learn from",
    says="MixPatch is better calibrated than mixup",
    less=True,
)
def mixpatch_mixup(seed: int, _scratch: Path) -> Pair:
    """Measure calibration of MixPatch and of mixup."""
    return _mixing_pair(seed, "mixup")


@claim(
    "mixpatch-cutmix",
    method="mixpatch",
    baseline="CutMix",
    metric="expected calibration error, no temperature",
    data="tiles/colorectal, 2 labels, 260 to learn from",
    says="MixPatch is better calibrated than CutMix",
    less=True,
)
def mixpatch_cutmix(seed: int, _scratch: Path) -> Pair:
    """Measure calibration of MixPatch and of CutMix."""
    return _mixing_pair(seed, "cutmix")


@claim(
    "transfer-few",
    method="transfer",
    baseline="the same network from scratch",
    metric="balanced accuracy",
    data="tiles/tissue8, 4 tiles of each of 8 labels; started on 750 of tiles/colorectal",
    says="the last layer alone, on a network from another tissue, beats one from scratch at few labels",
)
def transfer_few(seed: int, scratch: Path) -> Pair:
    """Measure a linear probe of a network trained on colorectal lesions, from four tiles of each label."""
    before = colorectal(seed, train=250, validation=40, test=1)
    fit("convolutional", before, scratch / "source", seed, **PLAIN).save(scratch / "earlier")
    data = textures(seed, train=4, validation=1, test=3)
    config = {**SMALL, "source": str(scratch / "earlier"), "mode": "linear probe", "beside": False}
    moved = measure(fit("transfer", data, scratch / "moved", seed, **config), data, scratch)
    longer = {**PLAIN, "epochs": 60, "patience": 60}
    fresh = measure(fit("convolutional", data, scratch / "fresh", seed, **longer), data, scratch)
    return Pair(figure(fresh, "balanced_accuracy"), figure(moved, "balanced_accuracy"), moved.count)


@claim(
    "transfer-full",
    method="transfer",
    baseline="the same network from scratch",
    metric="balanced accuracy",
    data="tiles/tissue8, 4 tiles of each of 8 labels; started on 750 of tiles/colorectal",
    says="a network all of whose stages go on learning beats one from scratch at few labels",
)
def transfer_full(seed: int, scratch: Path) -> Pair:
    """Measure both after as many epochs; the transferred network's lower stages learn more slowly."""
    before = colorectal(seed, train=250, validation=40, test=1)
    fit("convolutional", before, scratch / "source", seed, **PLAIN).save(scratch / "earlier")
    data = textures(seed, train=4, validation=1, test=3)
    longer = {"epochs": 60, "patience": 60}
    config = {**SMALL, **longer, "source": str(scratch / "earlier"), "mode": "full", "beside": False}
    moved = measure(fit("transfer", data, scratch / "moved", seed, **config), data, scratch)
    fresh = measure(fit("convolutional", data, scratch / "fresh", seed, **{**PLAIN, **longer}), data, scratch)
    return Pair(figure(fresh, "balanced_accuracy"), figure(moved, "balanced_accuracy"), moved.count)


def joined_place(number: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Return a patch (128, 128, 3) whose label has one bit per ring, each visible at one magnification only.

    A set bit is a chequered ring, of squares of 1, 2 and 4 pixels from the middle outwards; else the ring is
    grey. At the next lower magnification a pattern averages to that grey, and at a higher one the ring lies
    outside.
    """
    field = np.full((PLACE, PLACE), 128.0)
    rows, columns = np.indices(field.shape)
    for ring, bit in reversed(list(enumerate((number & 4, number & 2, number & 1)))):
        half, square = NEAR * 2**ring // 2, 2**ring
        part = slice(PLACE // 2 - half, PLACE // 2 + half)
        chequer = 128 + 60 * (1 - 2 * ((rows // square + columns // square) % 2))
        field[part, part] = chequer[part, part] if bit else 128.0
    noisy = field[..., None] + random.normal(0, 12, (PLACE, PLACE, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def _single(
    name: str, data: Dataset, scratch: Path, seed: int, config: dict[str, Any]
) -> PatchRecipe[Settings]:
    """Return the single magnification of ``name`` that is best on the validation part."""
    best: tuple[float, PatchRecipe[Settings]] | None = None
    for scale in range(3):
        seen = _at_scale(data, scratch / f"view-{scale}", scale)
        recipe = fit(name, seen, scratch / f"single-{scale}", seed, **config)
        accuracy = figure(measure(recipe, seen, scratch / f"single-{scale}", "validation"), "accuracy")
        if best is None or accuracy > best[0]:
            best = (accuracy, recipe)
            recipe.facts["scale"] = scale
    if best is None:
        raise AssertionError
    return best[1]


def _at_scale(data: Dataset, folder: Path, scale: int) -> Dataset:
    """Return the images at one magnification: cropped around the centre, resized to 32 pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    images = []
    for image in data.images:
        path = folder / image.path.name
        if not path.exists():
            half = NEAR * 2**scale // 2
            box = (PLACE // 2 - half,) * 2 + (PLACE // 2 + half,) * 2
            with Image.open(image.path) as whole:
                whole.resize((NEAR, NEAR), Image.Resampling.BOX, box=box).save(path)
        images.append(dataclasses.replace(image, path=path))
    return dataclasses.replace(data, images=tuple(images))


def _joined_pair(
    seed: int, scratch: Path, names: tuple[str, str], configs: tuple[dict[str, Any], dict[str, Any]], by: str
) -> Pair:
    data = drawn(scratch / "places", EIGHT, joined_place, {"train": 30, "validation": 8, "test": 12}, seed)
    single = _single(names[0], data, scratch, seed, configs[0])
    seen = _at_scale(data, scratch / "test", int(single.facts["scale"]))
    alone = measure(single, seen, scratch / "alone")
    joined = measure(fit(names[1], data, scratch / "joined", seed, **configs[1]), data, scratch / "joined")
    return Pair(figure(alone, by), figure(joined, by), joined.count)


@claim(
    "multiscale-single",
    method="multiscale",
    baseline="the best single magnification",
    metric="macro F1",
    data="phantom of places whose label is spread over three magnifications",
    says="several magnifications beat the best single one",
)
def multiscale_single(seed: int, scratch: Path) -> Pair:
    """Measure the same encoder trained on each view alone; the best is chosen on the validation part."""
    config = {**PLAIN, "pixels": 32, "patch": NEAR, "stride": NEAR, "epochs": 15, "patience": 15}
    many = {key: config[key] for key in config if key not in {"hue", "zoom", "degrade"}}
    return _joined_pair(seed, scratch, ("convolutional", "multiscale"), (config, many), "f1_macro")


@claim(
    "cast-single",
    method="cast",
    baseline="the best single path",
    metric="accuracy",
    data="phantom of places whose label is spread over three magnifications",
    says="CAST with three magnifications beats its best single path",
)
def cast_single(seed: int, scratch: Path) -> Pair:
    """Measure the same transformer with one path on each view; the best is chosen on the validation part."""
    config: dict[str, Any] = {
        "pixels": 32, "patch": NEAR, "stride": NEAR, "epochs": 30, "patience": 30, "square": 8, "width": 32,
        "heads": 2, "stages": 1, "learning_rate": 2e-3,
    }  # fmt: skip
    configs = ({**config, "scales": 1}, {**config, "scales": 3})
    return _joined_pair(seed, scratch, ("cast", "cast"), configs, "accuracy")


@claim(
    "tta-log-loss",
    method="tta",
    baseline="the model that it asks",
    metric="log-loss",
    data="tiles/colorectal, 3 labels, 390 to learn from",
    says="the mean over the eight symmetries lowers the log-loss",
    less=True,
)
def tta_log_loss(seed: int, scratch: Path) -> Pair:
    """Measure the log-loss with and without averaging; training used all symmetries as well."""
    data = colorectal(seed, train=100, validation=30, test=100)
    model = fit("convolutional", data, scratch / "inner", seed, **PLAIN)
    model.save(scratch / "model")
    asked = fit("tta", data, scratch / "tta", seed, source=str(scratch / "model"))
    alone, averaged = (measure(recipe, data, scratch / "tta") for recipe in (model, asked))
    return Pair(figure(alone, "nll"), figure(averaged, "nll"), averaged.count)


def _nested(number: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Return nuclei on a pale ground: two grades by size, the same without a grade, or few small ones."""
    field = np.full((48, 48, 3), (232, 200, 220), dtype=float) + random.normal(0, 14, (48, 48, 3))
    grade = (1, 2, int(random.integers(1, 3)), 0)[number]
    rows, columns = np.indices((48, 48))
    for _ in range(9 if grade else 6):
        y, x = random.uniform(2, 46, 2)
        reach = random.normal((2.1, 2.6, 3.4)[grade], 0.5)
        inside = (rows - y) ** 2 + (columns - x) ** 2 < reach**2
        field[inside] = np.array((120, 70, 150)) + random.normal(0, 22, 3)
    return np.clip(field, 0, 255).astype(np.uint8)


@claim(
    "multitask-incomplete",
    method="multitask",
    baseline="the same network on complete labels",
    metric="balanced accuracy",
    data="phantom of nuclei, 2 grades with 12 patches each, 120 without a grade",
    says="labels that leave the grade open help a network that has few graded ones",
)
def multitask_incomplete(seed: int, scratch: Path) -> Pair:
    """Measure both on the same graded patches; only the method can use the incomplete ones."""
    names = ("low", "high", "tumour", "normal")
    data = drawn(scratch / "n", names, _nested, {"train": 120, "validation": 20, "test": 60}, seed)
    kept: dict[str, int] = {}
    images = []
    for image in data.images:
        label = str(image.label)
        if data.parts[image.case] == "train":
            kept[label] = kept.get(label, 0) + 1
            if label in {"low", "high"} and kept[label] > 12:  # noqa: PLR2004 - the phantom's design
                continue
        images.append(image)
    config = {**SMALL, "epochs": 20, "patience": 20}
    every = Dataset(names, images=tuple(images), parts=data.parts)
    facets = "low=tumour/1; high=tumour/2; tumour=tumour; normal=normal"
    method = measure(fit("multitask", every, scratch / "m", seed, **config, facets=facets), every, scratch)
    complete = tuple(image for image in images if image.label != "tumour")
    few = Dataset(("low", "high", "normal"), images=complete, parts=data.parts)
    longer = {**config, "epochs": 34, "patience": 34}
    base = measure(fit("multitask", few, scratch / "b", seed, **longer, facets=facets.replace(
        "tumour=tumour; ", "")), few, scratch)  # fmt: skip
    return Pair(_balanced(base), _balanced(method), base.count)


def _balanced(evaluation: Any) -> float:
    return figure(evaluation, "balanced_accuracy")
