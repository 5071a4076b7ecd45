"""Claims of ``transfer``."""

from __future__ import annotations

from pathlib import Path

from ml.claims.harness import Pair, claim
from ml.claims.tiles import PLAIN, SMALL, colorectal, figure, fit, measure, textures


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
