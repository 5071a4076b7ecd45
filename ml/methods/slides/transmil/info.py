"""Description, sources and settings of ``transmil``. Free of torch."""

from __future__ import annotations

from ml.catalogue.info import RecipeInfo
from ml.contracts import Task
from ml.methods.slides.settings import COST, NEEDS, TransformerConfig

INFO = RecipeInfo(
    name="transmil",
    title="Transformer over tiles",
    task=Task.SLIDE,
    summary="Looks at tiles together, so that what lies beside or goes with something else can count.",
    source="Shao et al., TransMIL: transformer based correlated multiple instance learning for "
    "whole slide image classification, NeurIPS (2021).",
    claim="On phantoms where a lesion covers few tiles it was worse than the mean of all tiles in area "
    "under the curve.",
    needs=NEEDS,
    cost=COST,
    quick=False,
    config=TransformerConfig,
    class_name="Transformer",
    rank=220,
)
