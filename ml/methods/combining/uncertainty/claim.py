"""Claims of ``uncertainty``."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from ml.claims.combining import PATCH
from ml.claims.harness import Pair, claim
from ml.claims.tiles import colorectal, figure, fit, measure


@functools.cache
def _kept(seed: int) -> dict[str, float]:
    """Return the figures of one run, which two claims share."""
    with tempfile.TemporaryDirectory(prefix="ml-claim-") as folder:
        scratch = Path(folder)
        data = colorectal(seed, train=120, validation=30, test=150)
        evaluation = measure(fit("uncertainty", data, scratch, seed, **PATCH), data, scratch)
    return {name: figure(evaluation, name) for name in ("auc", "kept_auc", "kept_share")}


@claim(
    "uncertainty-kept",
    method="uncertainty",
    baseline="all patches",
    metric="area under the curve (macro)",
    data="tiles/colorectal, 3 labels, 450 to learn from",
    says="patches that are kept have a higher area under the curve than all",
)
def uncertainty_kept(seed: int, _scratch: Path) -> Pair:
    """Measure patches kept below a limit from nested folds of the training part."""
    figures = _kept(seed)
    return Pair(figures["auc"], figures["kept_auc"], 450)


@claim(
    "uncertainty-share",
    method="uncertainty",
    baseline="a bound of half",
    metric="share of patches kept",
    data="tiles/colorectal, 3 labels, 450 to learn from",
    says="more than half of all patches are kept",
)
def uncertainty_share(seed: int, _scratch: Path) -> Pair:
    """Measure the share of patches that are kept, with the runs of the claim on the area under the curve."""
    return Pair(0.5, _kept(seed)["kept_share"], 450)
