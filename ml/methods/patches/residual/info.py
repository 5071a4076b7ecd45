"""Description, sources and settings of ``residual``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.patches.settings import NetworkConfig


@dataclass(frozen=True, slots=True)
class ResidualConfig(NetworkConfig):
    """Settings of ``residual``."""

    width: int = setting(32, "Width", "Channels of the first convolution.", minimum=4, maximum=128)
    units: int = setting(4, "Residual units", "Number of residual units.", minimum=1, maximum=16)


INFO = RecipeInfo(
    name="residual",
    title="Residual network",
    task=Task.PATCH,
    summary="A convolutional network with skip connections. Learns in minutes to hours.",
    source="Deep residual network for breast pathology, as the survey describes it; He et al., Deep "
    "residual learning for image recognition, CVPR (2016); Ioffe and Szegedy, ICML (2015).",
    claim="Overtakes hand-made descriptors in accuracy once there are many labelled patches.",
    needs="Hundreds of labelled patches; large outlines give many.",
    cost="Minutes to hours on a CPU, less on a GPU.",
    quick=False,
    config=ResidualConfig,
    class_name="Residual",
    channels=True,
    rank=20,
)
