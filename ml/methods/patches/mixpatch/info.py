"""Description, sources and settings of ``mixpatch``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.patches.settings import EncoderConfig


@dataclass(frozen=True, slots=True)
class MixPatchConfig(EncoderConfig):
    """Settings of ``mixpatch``."""

    mixing: str = setting(
        "mixpatch",
        "Mixing",
        "What the second half of every batch is: patches of clean cells, or a method to compare with.",
        choices=("mixpatch", "label smoothing", "mixup", "cutmix", "none"),
    )
    cells: int = setting(2, "Cells", "Cells per side of a mixed patch.", minimum=2, maximum=4)
    label: str = setting(
        "proportion",
        "Label",
        "proportion: by the share of cells. floor: any abnormal cell makes the patch abnormal, to at least "
        "the floor; of several labels the last in the list counts as most severe.",
        choices=("proportion", "floor"),
    )
    floor: float = setting(
        0.6, "Floor", "Least probability of the most severe label.", minimum=0.5, maximum=1.0
    )
    normal: str = setting(
        "", "Normal label", "The label of healthy tissue; empty means background, or else the first label."
    )
    share: float = setting(
        1.0, "Share", "How much the mixed half counts beside the plain one.", minimum=0.0, maximum=10.0
    )
    average: float = setting(
        0.98,
        "Averaging",
        "Decay of the running mean of the weights, which is what judges; 0 switches it off.",
        minimum=0.0,
        maximum=0.9999,
    )


INFO = RecipeInfo(
    name="mixpatch",
    title="MixPatch",
    task=Task.PATCH,
    summary="Learns also from patches put together of clean cells, so that its confidence becomes honest.",
    source="Park, Kim, Ashraf et al., MixPatch, Diagnostics 12(6):1493 (2022).",
    claim="Better calibrated than label smoothing and CutMix, at no loss of accuracy; should also be so "
    "against the same network without mixing.",
    needs="Patches that a person is certain of, of normal tissue and of at least one other label.",
    cost="Minutes on a CPU; twice the time per epoch of a plain network.",
    quick=False,
    config=MixPatchConfig,
    class_name="MixPatch",
    channels=True,
    rank=50,
)
