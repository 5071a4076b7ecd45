"""Description, sources and settings of ``contrastive-mil``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.slides.settings import COST, NEEDS, BagConfig


@dataclass(frozen=True, slots=True)
class ContrastiveConfig(BagConfig):
    """Settings of ``contrastive-mil``."""

    contrast_epochs: int = setting(
        60, "Epochs without labels", "Passes in which slides are contrasted.", minimum=0, maximum=5000
    )
    subset: int = setting(
        256, "Tiles of a view", "Tiles of each of the two views of a slide.", minimum=1, maximum=4096
    )
    slides: int = setting(
        32, "Slides contrasted", "How many slides are contrasted with each other.", minimum=2, maximum=512
    )
    temperature: float = setting(
        0.2, "Temperature", "Lower looks at the likest slides more.", minimum=0.01, maximum=10.0
    )
    projection: int = setting(
        128, "Projection", "Size of the vectors that are contrasted.", minimum=8, maximum=1024
    )
    then: str = setting(
        "probe",
        "Then",
        "probe: only the last layer learns from labels. finetune: everything does.",
        choices=("probe", "finetune"),
    )


INFO = RecipeInfo(
    name="contrastive-mil",
    title="Slides contrasted without labels",
    task=Task.SLIDE,
    summary="Learns what makes slides differ from slides alone, then needs few labels to name "
    "the difference.",
    source="Tavolara, Gurcan and Niazi, Contrastive multiple instance learning: an unsupervised "
    "framework for learning slide-level representations, Cancers (2022).",
    claim="Should beat the same network with random weights under a linear probe, in area under the "
    "curve; no difference was measured.",
    needs=NEEDS,
    cost=COST,
    quick=False,
    config=ContrastiveConfig,
    class_name="ContrastiveBags",
    rank=290,
)
