"""Description, sources and settings of ``ssmil``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.slides.settings import COST, NEEDS, BagConfig


@dataclass(frozen=True, slots=True)
class SparseAttentionConfig(BagConfig):
    """Settings of ``ssmil``."""

    epochs: int = setting(
        120,
        "Epochs",
        "Most passes over the training part: half with soft weights, half with sparse ones.",
        minimum=2,
        maximum=5000,
    )
    patience: int = setting(
        40,
        "Patience",
        "Epochs without a better validation loss after which either half stops.",
        minimum=1,
        maximum=5000,
    )

    choice: str = setting(
        "sparsemax",
        "Choice",
        "How key patches are chosen: as many as needed (sparsemax), or a fixed number (top).",
        choices=("sparsemax", "top"),
    )
    top: int = setting(
        32, "Number", "How many key patches there are when their number is fixed.", minimum=1, maximum=1024
    )
    heat: float = setting(
        1.0, "Softness", "Higher spreads the weight over more patches.", minimum=0.01, maximum=100.0
    )
    neighbours: bool = setting(
        True,
        "Neighbours count",
        "Whether a patch is judged together with the eight around it. Without that, sparse choice "
        "falls for single look-alikes.",
    )
    smoothness: float = setting(
        0.1,
        "Smoothness",
        "Strength of the penalty on different weights of neighbouring patches.",
        minimum=0.0,
        maximum=100.0,
    )
    entropy_floor: float = setting(
        0.0,
        "Least spread",
        "Entropy of the weights below which training is penalised, 0 for none.",
        unit="nat",
        minimum=0.0,
        maximum=10.0,
    )


INFO = RecipeInfo(
    name="ssmil",
    title="Sparse key patches",
    task=Task.SLIDE,
    summary="Decides by a few key patches that lie together, and by nothing else; shows them as evidence.",
    source="Our reading of spatially sparse multiple instance learning; sparsemax: Martins and "
    "Astudillo, ICML (2016).",
    claim="Finds the small lesion among look-alikes where mean and softmax pooling do not, in "
    "area under the curve.",
    needs=NEEDS,
    cost=COST,
    quick=False,
    config=SparseAttentionConfig,
    class_name="SparseAttention",
    rank=240,
)
