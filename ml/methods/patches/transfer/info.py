"""Description, sources and settings of ``transfer``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue import shared_settings as shared
from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.patches.settings import EncoderConfig


@dataclass(frozen=True, slots=True)
class TransferConfig(EncoderConfig):
    """Settings of ``transfer``."""

    source: str = setting(
        "",
        "Start from",
        "Name of an earlier model, of one that learned without labels, or of an uploaded file of weights.",
    )
    mode: str = setting(
        "full",
        "Mode",
        "linear probe: only the last layer learns, within seconds. partial: also the upper stages. full: "
        "all, the lower stages more slowly.",
        choices=("linear probe", "partial", "full"),
    )
    trained: int = shared.trained_stages()
    decay: float = shared.rate_per_stage()
    anchor: float = setting(
        0.0,
        "Anchor",
        "Penalty on leaving the weights that training started from (L2-SP); 0 switches it off.",
        minimum=0.0,
        maximum=100.0,
    )
    renew: bool = setting(
        True,
        "Renew statistics",
        "Estimate the statistics of batch normalisation anew on the stain of these slides, before training.",
    )
    beside: bool = setting(
        True,
        "From scratch beside it",
        "Also train the same network from scratch, and note in the model how both do on the held-out part.",
    )


INFO = RecipeInfo(
    name="transfer",
    title="Transfer learning",
    task=Task.PATCH,
    summary="Builds on what another model has learned, from other tissue or without labels.",
    source="Weiss, Khoshgoftaar and Wang, Journal of Big Data 3:9 (2016); L2-SP: Li, Grandvalet and "
    "Davoine, ICML (2018).",
    claim="Should beat the same network from scratch in balanced accuracy when few patches are "
    "labelled; between the two kinds of tissue held here full training made no measured "
    "difference and a linear probe was worse.",
    needs="An earlier model with the same encoder, or a safetensors file of its weights; a few "
    "dozen labelled patches.",
    cost="Seconds for the linear probe, else minutes on a CPU.",
    quick=False,
    config=TransferConfig,
    class_name="Transfer",
    channels=True,
    rank=40,
)
