"""Claims of methods that classify whole slides."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.claims import phantom_bags as made
from ml.claims.harness import Pair, claim
from ml.contracts import Context, Dataset, Estimate, Survival
from ml.data.bags import Bag
from ml.methods.loading import load_recipe_class

LEARN, STOP, MEASURE = 60, 30, 100
LONG: Final[dict[str, Any]] = {"epochs": 100, "patience": 100}
AREA: Final = "area under the ROC curve"
Config = dict[str, Any]


def _beside(
    make: made.Make,
    seed: int,
    scratch: Path,
    baseline: tuple[str, Config],
    method: tuple[str, Config],
    *,
    learn: int = LEARN,
) -> Pair:
    """Return both figures on the same held-out bags, after training on the same bags."""
    bags = (made.draw(make, learn, seed, 0), made.draw(make, STOP, seed, 1))
    test = made.draw(make, MEASURE, seed, 2)
    figures = [
        made.bag_auc(made.learned(name, scratch, seed, bags, **config), test)
        for name, config in (baseline, method)
    ]
    return Pair(figures[0], figures[1], len(test))


@claim(
    "ssmil-mean",
    method="ssmil",
    baseline="mean of all tiles",
    metric=AREA,
    data="phantom bags of 16 x 16 tiles, a lesion of 4 x 4 against eight strays",
    says="finds the small lesion among look-alikes where the mean of all tiles does not",
)
def _ssmil_mean(seed: int, scratch: Path) -> Pair:
    return _beside(
        made.cluster_or_strays, seed, scratch, ("abmil", {**LONG, "pooling": "mean"}), ("ssmil", LONG)
    )


@claim(
    "ssmil-softmax",
    method="ssmil",
    baseline="gated attention with softmax",
    metric=AREA,
    data="phantom bags of 16 x 16 tiles, a lesion of 4 x 4 against eight strays",
    says="finds the small lesion among look-alikes where softmax attention does not",
)
def _ssmil_softmax(seed: int, scratch: Path) -> Pair:
    return _beside(made.cluster_or_strays, seed, scratch, ("abmil", LONG), ("ssmil", LONG))


@claim(
    "ssmil-space",
    method="ssmil",
    baseline="sparsemax without neighbours",
    metric=AREA,
    data="phantom bags of 16 x 16 tiles, a lesion of 4 x 4 against eight strays",
    says="sparsity needs space: neighbours make the sparse choice find the lesion",
)
def _ssmil_space(seed: int, scratch: Path) -> Pair:
    alone = {**LONG, "neighbours": False, "smoothness": 0.0}
    return _beside(made.cluster_or_strays, seed, scratch, ("ssmil", alone), ("ssmil", LONG))


@claim(
    "sparseconv",
    method="sparseconv",
    baseline="gated attention",
    metric=AREA,
    data="phantom bags of 16 x 16 tiles, nine of another kind together or scattered",
    says="beats attention where it matters which tiles lie together",
)
def _sparseconv(seed: int, scratch: Path) -> Pair:
    return _beside(made.together_or_apart, seed, scratch, ("abmil", {}), ("sparseconv", {"pool": "max"}))


@claim(
    "abmil",
    method="abmil",
    baseline="mean of all tiles",
    metric=AREA,
    data="phantom bags of 150 tiles, a lesion on three of them",
    says="beats the mean of all tiles where a lesion covers few tiles",
)
def _abmil(seed: int, scratch: Path) -> Pair:
    return _beside(made.sparse_lesion, seed, scratch, ("abmil", {"pooling": "mean"}), ("abmil", {}))


@claim(
    "dsmil",
    method="dsmil",
    baseline="mean of all tiles",
    metric=AREA,
    data="phantom bags of 150 tiles, a lesion on three of them",
    says="beats the mean of all tiles where a lesion covers few tiles",
)
def _dsmil(seed: int, scratch: Path) -> Pair:
    return _beside(made.sparse_lesion, seed, scratch, ("abmil", {"pooling": "mean"}), ("dsmil", {}))


@claim(
    "clam",
    method="clam",
    baseline="gated attention",
    metric=AREA,
    data="phantom bags of 150 tiles, a lesion on three of them, 24 slides to learn from",
    says="beats attention alone when few slides are labelled",
)
def _clam(seed: int, scratch: Path) -> Pair:
    bags = (made.draw(made.sparse_lesion, 24, seed, 0), made.draw(made.sparse_lesion, 12, seed, 1))
    test = made.draw(made.sparse_lesion, MEASURE, seed, 2)
    baseline = made.bag_auc(made.learned("abmil", scratch, seed, bags), test)
    return Pair(
        baseline, made.bag_auc(made.learned("clam", scratch, seed, bags, instances=3), test), len(test)
    )


@claim(
    "transmil",
    method="transmil",
    baseline="mean of all tiles",
    metric=AREA,
    data="phantom bags of 150 tiles, a lesion on three of them",
    says="beats the mean of all tiles where a lesion covers few tiles",
)
def _transmil(seed: int, scratch: Path) -> Pair:
    rest: Config = {"learning_rate": 1e-3}
    return _beside(made.sparse_lesion, seed, scratch, ("abmil", {"pooling": "mean"}), ("transmil", rest))


@claim(
    "transmil-two-kinds",
    method="transmil",
    baseline="gated attention",
    metric=AREA,
    data="phantom bags of 100 tiles, two kinds of lesion together or one alone",
    says="beats attention alone where the label depends on two kinds of tiles together",
)
def _transmil_two_kinds(seed: int, scratch: Path) -> Pair:
    rest: Config = {"learning_rate": 1e-3}
    return _beside(made.two_kinds, seed, scratch, ("abmil", {}), ("transmil", rest), learn=120)


@claim(
    "recurrent",
    method="recurrent",
    baseline="the highest tile alone",
    metric=AREA,
    data="phantom bags of 100 tiles, ten of another kind against one stray that looks the same",
    says="beats the single highest tile where look-alikes occur",
)
def _recurrent(seed: int, scratch: Path) -> Pair:
    return _beside(
        made.many_against_one, seed, scratch, ("abmil", {"pooling": "max"}), ("recurrent", {"hidden": 32})
    )


@claim(
    "wt",
    method="wt",
    baseline="gated attention on the same tokens",
    metric=AREA,
    data="phantom bags of 8 x 8 tiles with tissue types, one type in the upper or the lower half",
    says="beats attention where tissue types and their places matter",
)
def _wt(seed: int, scratch: Path) -> Pair:
    rest: Config = {"layers": 2, "learning_rate": 1e-3}
    return _beside(made.upper_or_lower, seed, scratch, ("abmil", {}), ("wt", rest), learn=120)


@claim(
    "semimil",
    method="semimil",
    baseline="gated attention on the labelled slides",
    metric=AREA,
    data="phantom bags of 80 tiles, 12 labelled and 80 unlabelled slides to learn from",
    says="slides without a label help where few have one",
)
def _semimil(seed: int, scratch: Path) -> Pair:
    few, held = made.draw(made.mixtures, 12, seed, 0), made.draw(made.mixtures, 12, seed, 1)
    more = made.forgotten(made.draw(made.mixtures, 80, seed, 3))
    test = made.draw(made.mixtures, MEASURE, seed, 2)
    baseline = made.bag_auc(made.learned("abmil", scratch, seed, (few, held)), test)
    method = made.bag_auc(made.learned("semimil", scratch, seed, ([*few, *more], held)), test)
    return Pair(baseline, method, len(test))


@claim(
    "contrastive-mil",
    method="contrastive-mil",
    baseline="the same network with random weights",
    metric=AREA,
    data="phantom bags of 80 tiles, 12 labelled and 80 unlabelled slides to learn from",
    says="under a linear probe, contrasted slides beat random weights",
)
def _contrastive(seed: int, scratch: Path) -> Pair:
    few, held = made.draw(made.mixtures, 12, seed, 0), made.draw(made.mixtures, 12, seed, 1)
    bags = ([*few, *made.forgotten(made.draw(made.mixtures, 80, seed, 3))], held)
    test = made.draw(made.mixtures, MEASURE, seed, 2)
    figures = [
        made.bag_auc(
            made.learned("contrastive-mil", scratch, seed, bags, contrast_epochs=epochs, subset=40), test
        )
        for epochs in (0, 60)
    ]
    return Pair(figures[0], figures[1], len(test))


def _evaluated(name: str, dataset: Dataset, scratch: Path, seed: int, metric: str, **config: Any) -> float:
    """Return a figure of a recipe that reads the pixels of slides; features are shared between recipes."""
    context = Context(seed, scratch / f"run-{len(list(scratch.iterdir()))}", features=scratch / "features")
    recipe = load_recipe_class(name).build(dataset.labels, config)
    recipe.fit(dataset, context)
    return recipe.evaluate(dataset, context).metrics[metric].value


def _lesions(seed: int, scratch: Path) -> Dataset:
    """Return slides of 6 x 6 real tiles of normal mucosa, half of them with 2 x 2 tiles of adenocarcinoma."""
    tiles = made.real_tiles(seed, 64, 150)

    def compose(random: np.random.Generator, label: int, part: int) -> NDArray[np.uint8]:
        normal, tumour = tiles["normal"][part], tiles["adenocarcinoma"][part]
        slide = normal[random.integers(0, len(normal), (6, 6))]
        if label:
            row, column = random.integers(0, 5, 2)
            slide[row : row + 2, column : column + 2] = tumour[random.integers(0, len(tumour), (2, 2))]
        return slide

    return made.mosaic_dataset(scratch / "slides", ("benign", "tumour"), (32, 16, 40), compose, seed)


REAL: Final[Config] = {
    "patch": 64, "stride": 64, "width": 32, "epochs": 60, "patience": 20, "learning_rate": 1e-3,
}  # fmt: skip


@claim(
    "abmil-tissue",
    method="abmil",
    baseline="mean of all tiles",
    metric=AREA,
    data="slides of 36 real colorectal tiles, four of adenocarcinoma or none",
    says="beats the mean of all tiles on real tissue with a small lesion",
)
def _abmil_tissue(seed: int, scratch: Path) -> Pair:
    slides = _lesions(seed, scratch)
    baseline = _evaluated("abmil", slides, scratch, seed, "auc", pooling="mean", **REAL)
    return Pair(baseline, _evaluated("abmil", slides, scratch, seed, "auc", **REAL), 40)


@claim(
    "ssmil-tissue",
    method="ssmil",
    baseline="mean of all tiles",
    metric=AREA,
    data="slides of 36 real colorectal tiles, four of adenocarcinoma or none",
    says="beats the mean of all tiles on real tissue with a small lesion",
)
def _ssmil_tissue(seed: int, scratch: Path) -> Pair:
    slides = _lesions(seed, scratch)
    baseline = _evaluated("abmil", slides, scratch, seed, "auc", pooling="mean", **REAL)
    return Pair(baseline, _evaluated("ssmil", slides, scratch, seed, "auc", **REAL), 40)


@claim(
    "barcode",
    method="barcode",
    baseline="barcode of one magnification",
    metric="macro F1",
    data="slides of 8 x 8 real colorectal tiles; four labels by kind of lesion and size of its nests",
    says="three magnifications beat one where kind and arrangement both matter",
)
def _barcode(seed: int, scratch: Path) -> Pair:
    tiles = made.real_tiles(seed, 48, 150)

    def compose(random: np.random.Generator, label: int, part: int) -> NDArray[np.uint8]:
        normal, lesion = tiles["normal"][part], tiles[("adenocarcinoma", "serrated")[label % 2]][part]
        nest = 1 if label < 2 else 4  # noqa: PLR2004 - labels 2 and 3 have the large nests
        where = np.indices((8, 8)).sum(axis=0) % 2 == random.integers(2)
        if nest > 1:
            where = np.kron(random.permutation([True, True, False, False]).reshape(2, 2), np.ones((4, 4))) > 0
        slide = normal[random.integers(0, len(normal), (8, 8))]
        slide[where] = lesion[random.integers(0, len(lesion), int(where.sum()))]
        return slide

    labels = ("fine adenoma", "fine serrated", "coarse adenoma", "coarse serrated")
    slides = made.mosaic_dataset(scratch / "slides", labels, (32, 4, 32), compose, seed)
    figures = [
        _evaluated("barcode", slides, scratch, seed, "f1_macro", patch=48, stride=48, scales=scales)
        for scales in ("1", "1 2 4")
    ]
    return Pair(figures[0], figures[1], 32)


def _patients(random: np.random.Generator, label: int) -> Bag:
    """Return a slide with or without a lesion of a young or old patient; either shortens life fivefold.

    A clinical field is missing in a quarter of the cases, and one more field means nothing.
    """
    bag = made.sparse_lesion(random, label)
    old = int(random.integers(2))
    months = float(random.exponential(60 / 5**label / 5**old) + 0.1)
    clinical = {
        "age": None if random.random() < 0.25 else 50.0 + 20 * old + float(random.normal(0, 4)),  # noqa: PLR2004
        "sex": "fm"[int(random.integers(2))],
    }
    return replace(bag, clinical=clinical, survival=Survival(min(months, 60.0), months < 60.0))  # noqa: PLR2004


def _older_and_ill(random: np.random.Generator, label: int) -> Bag:
    """Return a slide that is positive where the patient is old and has a lesion; neither alone suffices."""
    lesion, old = (1, 1) if label else ((0, 0), (0, 1), (1, 0))[int(random.integers(3))]
    bag = made.sparse_lesion(random, lesion)
    age = None if random.random() < 0.1 else 50.0 + 20 * old + float(random.normal(0, 4))  # noqa: PLR2004
    return replace(bag, clinical={"age": age})


@cache
def _fused(make: made.Make, seed: int, answer: str) -> Mapping[str, Estimate]:
    """Return the figures of both inputs together and of each alone, from one fit that learns all three."""
    bags = (made.draw(make, 60, seed, 0), made.draw(make, 40, seed, 1))
    rest: Config = {"epochs": 30, "batch": 16, "answer": answer}
    with tempfile.TemporaryDirectory(prefix="ml-claim-") as scratch:
        recipe = made.learned("fusion", Path(scratch), seed, bags, **rest)
    return recipe.evaluate_bags(made.draw(make, MEASURE, seed, 2), seed).metrics


def _side(make: made.Make, seed: int, metric: str, side: str) -> Pair:
    """Return the figures of one input alone and of both together, on the same held-out cases."""
    metrics = _fused(make, seed, "cox" if metric == "c_index" else "label")
    return Pair(metrics[f"{metric}:{side} alone"].value, metrics[metric].value, MEASURE)


LIVES: Final = "phantom cases: a lesion and age each shorten life fivefold, age missing in a quarter"
BOTH: Final = "phantom cases: the label is lesion and old age together, age missing in a tenth"


@claim(
    "fusion-survival-image",
    method="fusion",
    baseline="the image alone",
    metric="concordance",
    data=LIVES,
    says="slide and clinical fields order patients better than the slide alone",
)
def _survival_image(seed: int, scratch: Path) -> Pair:
    del scratch
    return _side(_patients, seed, "c_index", "image")


@claim(
    "fusion-survival-clinical",
    method="fusion",
    baseline="the clinical fields alone",
    metric="concordance",
    data=LIVES,
    says="slide and clinical fields order patients better than the fields alone",
)
def _survival_clinical(seed: int, scratch: Path) -> Pair:
    del scratch
    return _side(_patients, seed, "c_index", "clinical")


@claim(
    "fusion-label-image",
    method="fusion",
    baseline="the image alone",
    metric=AREA,
    data=BOTH,
    says="slide and clinical fields tell labels apart better than the slide alone",
)
def _label_image(seed: int, scratch: Path) -> Pair:
    del scratch
    return _side(_older_and_ill, seed, "auc", "image")


@claim(
    "fusion-label-clinical",
    method="fusion",
    baseline="the clinical fields alone",
    metric=AREA,
    data=BOTH,
    says="slide and clinical fields tell labels apart better than the fields alone",
)
def _label_clinical(seed: int, scratch: Path) -> Pair:
    del scratch
    return _side(_older_and_ill, seed, "auc", "clinical")
