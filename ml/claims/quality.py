"""Claims of the methods that judge image quality and normalise stain."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy import stats

from ml.claims.harness import Pair, claim
from ml.claims.material import real_data
from ml.contracts import Context, Dataset, LabelledImage
from ml.data.folders.images import read_image
from ml.evaluation.drift import learn_domain, numbers_of
from ml.evaluation.weighted import auc
from ml.methods.loading import load_recipe_class
from ml.slides.quality.focus import blur_score, laplacian_variance
from ml.slides.stains import Normaliser, density_of, fit_pixels, reference_fit
from ml.tools.slides.defocus import FocusPlan, draw_focus, train_focus

KINDS: Final = ("adenocarcinoma", "normal")
# Another laboratory: its dyes' densities in red, green, blue, and how strongly they take beside the first.
OTHER: Final = np.array([[0.42, 0.08], [0.68, 0.72], [0.60, 0.69]])
STRONGER: Final = (1.25, 0.75)
MILD: Final = 3.0
Pixels = NDArray[np.uint8]


def drawn_tiles(seed: int, kind: str, count: int) -> list[Path]:
    """Return random tiles of a kind, drawn by the seed."""
    paths = sorted((real_data("tiles/colorectal") / kind).iterdir())
    order = np.random.default_rng(seed).permutation(len(paths))
    return [paths[i] for i in order[:count]]


@claim(
    "quality-focus-rank",
    method="quality",
    baseline="0.95",
    metric="Spearman's rank correlation with the radius of blur, mean of tiles",
    data="tiles/colorectal in two stains, nine radii",
    says="the blur score rises with every blur in both stains",
)
def measure_rank(seed: int, scratch: Path) -> Pair:
    """Measure the rank of blur scores on 20 original and 20 restained tiles."""
    del scratch
    radii = [0, 0.5, 1, 1.5, 2, 3, 4, 6, 8]
    correlations = []
    for number, path in enumerate(drawn_tiles(seed, "normal", 40)):
        tile = read_image(path)
        image = Image.fromarray(restained(tile) if number % 2 else tile)
        scores = [blur_score(np.asarray(image.filter(ImageFilter.GaussianBlur(r)))) for r in radii]
        correlations.append(float(stats.spearmanr(radii, scores)[0]))
    return Pair(0.95, float(np.mean(correlations)), len(correlations))


@claim(
    "quality-focus-tiles",
    method="quality",
    baseline="variance of the Laplacian",
    metric="area under the curve, sharp against blurred",
    data="64 px of tiles/colorectal, blurred at random",
    says="one limit of the blur score tells sharp from blurred whatever the tissue",
)
def measure_focus(seed: int, scratch: Path) -> Pair:
    """Measure both scores on 240 patches of other tiles."""
    del scratch
    patches, blurred = held_patches(seed)
    first = [-laplacian_variance(patch) for patch in patches]
    return Pair(_area(blurred, first), _area(blurred, [blur_score(patch) for patch in patches]), len(patches))


@claim(
    "quality-focus-mild",
    method="quality",
    baseline="variance of the Laplacian",
    metric="area under the curve, sharp against mildly blurred",
    data="64 px of tiles/tissue8, blurred by 1.5 to 3 px",
    says="tells mild blur on any kind of tissue better than the variance of the Laplacian",
)
def measure_mild(seed: int, scratch: Path) -> Pair:
    """Measure both scores on 240 mildly blurred patches of tiles of seven kinds of tissue."""
    del scratch
    _, patches, blurred = mild_patches(seed)
    first = [-laplacian_variance(patch) for patch in patches]
    return Pair(_area(blurred, first), _area(blurred, [blur_score(patch) for patch in patches]), len(patches))


@claim(
    "focus-network-auc",
    method="focus-network",
    baseline="variance of the Laplacian",
    metric="area under the curve, sharp against mildly blurred",
    data="64 px of tiles/tissue8, blurred by 1.5 to 3 px",
    says="a network that was taught by blurring tells mild blur better",
)
def measure_network(seed: int, scratch: Path) -> Pair:
    """Measure a focus network a quarter as wide as published, trained on half of the tiles."""
    tiles, patches, blurred = mild_patches(seed)
    model = train_focus(tiles, FocusPlan(8, 16, narrow=4), Context(seed, scratch))
    first = [-laplacian_variance(patch) for patch in patches]
    return Pair(_area(blurred, first), _area(blurred, (1 - model.sharpness(patches)).tolist()), len(patches))


@cache
def mild_patches(seed: int) -> tuple[list[Pixels], Pixels, NDArray[np.int64]]:
    """Return half of the tiles of all kinds of tissue, and patches of the other half, blurred or not."""
    paths = sorted(real_data("tiles/tissue8").glob("*.png"))
    tiles = [read_image(paths[i]) for i in np.random.default_rng(seed).permutation(len(paths))]
    # Empty glass has no focus.
    tiles = [tile for tile in tiles if tile.std(axis=(0, 1)).mean() > 10]  # noqa: PLR2004 - grey levels
    half = len(tiles) // 2
    patches, blurred = draw_focus(tiles[half:], 240, np.random.default_rng(seed + 1000), MILD)
    return tiles[:half], patches, blurred


@cache
def held_patches(seed: int) -> tuple[Pixels, NDArray[np.int64]]:
    """Return patches of held-out tiles, and which of them are blurred."""
    tiles = [read_image(path) for kind in KINDS for path in drawn_tiles(seed, kind, 60)[30:]]
    return draw_focus(tiles, 240, np.random.default_rng(seed + 1000))


def _area(positive: NDArray[np.int64], score: list[float]) -> float:
    values = np.nan_to_num(np.array(score, dtype=np.float64), nan=0.0)
    return float(auc(np.ones((1, len(values))), positive > 0, values)[0])


def restained(pixels: Pixels, vectors: NDArray[np.float64] = OTHER, strength: Any = STRONGER) -> Pixels:
    """Return the tissue as another laboratory would stain it."""
    fit = fit_pixels(pixels, "macenko") or reference_fit()
    amounts = np.linalg.lstsq(fit.vectors, density_of(pixels).reshape(-1, 3).T, rcond=None)[0]
    light = 240 * np.exp(-(vectors @ (amounts * np.array(strength)[:, None]))) - 1
    restained: Pixels = np.clip(np.rint(light), 0, 255).astype(np.uint8).T.reshape(pixels.shape)
    assert restained.shape == pixels.shape  # noqa: S101 - the reshape of a transpose needs care
    return restained


@cache
def two_laboratories(seed: int, method: str, folder: Path) -> float:
    """Return the accuracy on restained tiles of ``descriptors`` from tiles of one stain, both normalised.

    One fit per laboratory, as of one slide each; ``method`` ``none`` leaves the tiles as they are.
    """
    images, parts = [], {}
    pictures: dict[str, list[tuple[str, Pixels]]] = {"train": [], "test": []}
    for kind in KINDS:
        for number, path in enumerate(drawn_tiles(seed, kind, 100)):
            tile = read_image(path)
            part = "train" if number < 50 else "test"  # noqa: PLR2004 - half of them
            pictures[part].append((kind, tile if part == "train" else restained(tile)))
    for part, items in pictures.items():
        together = np.concatenate([tile[::4, ::4] for _, tile in items])
        fit = None if method == "none" else fit_pixels(together, method)
        normaliser = Normaliser("macenko" if method == "none" else method, fit, reference_fit())
        for number, (kind, tile) in enumerate(items):
            path = folder / f"{method}-{part}-{number}.png"
            Image.fromarray(normaliser.apply(tile)).save(path)
            images.append(LabelledImage(path, path.name, kind))
            parts[path.name] = part
    dataset = Dataset(KINDS, images=tuple(images), parts=parts)
    recipe = load_recipe_class("descriptors").build(KINDS, {"patch": 112})
    context = Context(seed, folder, features=folder / f"features-{method}")
    recipe.fit(dataset, context)
    return recipe.evaluate(dataset, context).metrics["accuracy"].value


def _normalised(method: str, seed: int, scratch: Path) -> Pair:
    return Pair(two_laboratories(seed, "none", scratch), two_laboratories(seed, method, scratch), 100)


@claim(
    "stain-macenko",
    method="stain",
    baseline="no normalisation",
    metric="accuracy of descriptors on the other stain",
    data="tiles/colorectal, restained for the test",
    says="Macenko, fitted per laboratory, helps across two stains",
)
def measure_macenko(seed: int, scratch: Path) -> Pair:
    """Measure the accuracy on another stain with and without Macenko's normalisation."""
    return _normalised("macenko", seed, scratch)


@claim(
    "stain-vahadane",
    method="stain",
    baseline="no normalisation",
    metric="accuracy of descriptors on the other stain",
    data="tiles/colorectal, restained for the test",
    says="Vahadane, fitted per laboratory, helps across two stains",
)
def measure_vahadane(seed: int, scratch: Path) -> Pair:
    """Measure the accuracy on another stain with and without Vahadane's normalisation."""
    return _normalised("vahadane", seed, scratch)


@claim(
    "stain-reinhard",
    method="stain",
    baseline="no normalisation",
    metric="accuracy of descriptors on the other stain",
    data="tiles/colorectal, restained for the test",
    says="Reinhard, fitted per laboratory, helps across two stains",
)
def measure_reinhard(seed: int, scratch: Path) -> Pair:
    """Measure the accuracy on another stain with and without Reinhard's normalisation."""
    return _normalised("reinhard", seed, scratch)


@claim(
    "drift-auc",
    method="drift",
    baseline="distance of the mean colour",
    metric="area under the curve, other stain against own",
    data="mosaics of tiles/colorectal, a little restained",
    says="stain vectors and moments tell slides of another stain better than mean colour",
)
def measure_drift(seed: int, scratch: Path) -> Pair:
    """Measure drift detection on 12 mosaics like the 12 learned ones, and 12 with slightly other dyes."""
    del scratch
    random = np.random.default_rng(seed)
    paths = [path for kind in KINDS for path in drawn_tiles(seed, kind, 108)]
    tiles = [read_image(paths[i]) for i in random.permutation(len(paths))]
    mosaics = [np.concatenate(tiles[k : k + 6], axis=1) for k in range(0, 216, 6)]
    own = (fit_pixels(mosaics[0], "macenko") or reference_fit()).vectors
    judged = mosaics[12:24] + [
        restained(mosaic, 0.8 * own + 0.2 * OTHER, (1.0, 1.0)) for mosaic in mosaics[24:36]
    ]
    fits = [fit_pixels(mosaic, "macenko") or reference_fit() for mosaic in [*mosaics[:12], *judged]]
    numbers = [numbers_of(fit) for fit in fits]
    domain = learn_domain(numbers[:12])
    colours = np.array([mosaic.reshape(-1, 3).mean(axis=0) for mosaic in [*mosaics[:12], *judged]])
    middle = colours[:12].mean(axis=0)
    strange = np.array([0] * 12 + [1] * 12)
    plain = np.linalg.norm(colours[12:] - middle, axis=1).tolist()
    return Pair(
        _area(strange, plain), _area(strange, [domain.distance(row) for row in numbers[12:]]), len(strange)
    )
