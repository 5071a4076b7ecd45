"""Description, sources and settings of ``wt``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.slides.settings import COST, NEEDS, TransformerConfig


@dataclass(frozen=True, slots=True)
class SlideTransformerConfig(TransformerConfig):
    """Settings of ``wt``."""

    layers: int = setting(4, "Layers", "Layers of the transformer.", minimum=1, maximum=24)
    types: str = setting(
        "probabilities",
        "Tissue types",
        "Whether a tile's token carries all types by their probability, or the likeliest alone.",
        choices=("probabilities", "likeliest"),
    )


INFO = RecipeInfo(
    name="wt",
    title="Transformer over tissue types",
    task=Task.SLIDE,
    summary="Reads a slide as a map of tissue types, given by an earlier model for patches, and "
    "types the tumour.",
    source="Zhang et al., MC-ViT: multi-path cross-scale vision transformer for thymoma "
    "histopathology whole slide image typing, Frontiers in Oncology (2022).",
    claim="Beats attention alone in area under the curve where tissue types and their places matter.",
    needs=NEEDS,
    cost=COST,
    quick=False,
    config=SlideTransformerConfig,
    class_name="WholeSlideTransformer",
    rank=270,
)
