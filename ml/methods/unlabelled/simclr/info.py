"""Description, sources and settings of ``simclr``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.unlabelled.settings import NEEDS, SimilarityConfig


@dataclass(frozen=True, slots=True)
class SimClrConfig(SimilarityConfig):
    """Settings of ``simclr``."""

    temperature: float = setting(
        0.5, "Temperature", "Lower looks at the likest tiles more.", minimum=0.01, maximum=10.0
    )


INFO = RecipeInfo(
    name="simclr",
    title="Contrasted tiles (SimCLR)",
    task=Task.PATCH,
    summary="Learns from tiles without labels to tell them apart, then names them from a few labels.",
    source="Chen et al., A simple framework for contrastive learning of visual representations, ICML (2020).",
    claim="Should beat the same network from scratch in balanced accuracy when 5 % of tiles have a "
    "label; no sure difference was measured.",
    needs=NEEDS,
    cost="Minutes to hours on a CPU, less on a GPU.",
    quick=False,
    config=SimClrConfig,
    class_name="SimClr",
    rank=390,
)
