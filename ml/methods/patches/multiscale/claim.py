"""Claim of ``multiscale``."""

from __future__ import annotations

from pathlib import Path

from ml.claims.harness import Pair, claim
from ml.claims.magnifications import NEAR, compare_joined
from ml.claims.tiles import PLAIN


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
    return compare_joined(seed, scratch, ("convolutional", "multiscale"), (config, many), "f1_macro")
