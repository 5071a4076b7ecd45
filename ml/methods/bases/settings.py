"""Settings that the bases of recipes read, and the type variables of the bases."""

from __future__ import annotations

from typing import Protocol, TypeVar

from ml.contracts import Settings
from ml.slides.grid import GridSettings


class TrainingSettings(Settings, Protocol):
    """Settings of every training by gradients."""

    @property
    def minutes(self) -> float:
        """Time after which training ends, min."""
        ...

    @property
    def batch(self) -> int:
        """Items per step."""
        ...

    @property
    def learning_rate(self) -> float:
        """Highest learning rate of the schedule."""
        ...


class EpochSettings(TrainingSettings, Protocol):
    """Settings of training by epochs."""

    @property
    def epochs(self) -> int:
        """Largest number of epochs."""
        ...

    @property
    def patience(self) -> int:
        """Epochs without progress after which training stops."""
        ...


class NetworkSettings(GridSettings, EpochSettings, Protocol):
    """Settings of a network over the pixels of patches."""

    @property
    def pixels(self) -> int:
        """Side of a patch as the network reads it, px."""
        ...


class ScaledSettings(NetworkSettings, Protocol):
    """Settings of a network over several magnifications."""

    @property
    def scales(self) -> int:
        """Number of magnifications."""
        ...


class StagedSettings(NetworkSettings, Protocol):
    """Settings of an encoder that starts from given weights and learns stage by stage."""

    @property
    def encoder(self) -> str:
        """Name of the encoder."""
        ...

    @property
    def stain(self) -> float:
        """Range of the stain variation."""
        ...

    @property
    def source(self) -> str:
        """Source of the weights."""
        ...

    @property
    def mode(self) -> str:
        """``full``, ``partial`` or ``linear probe``."""
        ...

    @property
    def trained(self) -> int:
        """Number of upper stages that learn in the mode ``partial``."""
        ...

    @property
    def decay(self) -> float:
        """Learning rate of a stage as a share of that of the stage above it."""
        ...

    @property
    def anchor(self) -> float:
        """Penalty on the distance from the initial weights."""
        ...

    @property
    def beside(self) -> bool:
        """Whether the same network is also trained from scratch."""
        ...


class EncoderSettings(GridSettings, Protocol):
    """Settings of patches that an encoder describes."""

    @property
    def encoder(self) -> str:
        """``descriptors``, or ``encoder:`` with the name of a model."""
        ...


class HeadSettings(EncoderSettings, EpochSettings, Protocol):
    """Settings of heads over the stored features of patches."""

    @property
    def hidden(self) -> int:
        """Width of the hidden layer."""
        ...


class MemberSettings(GridSettings, Protocol):
    """Settings of a combination of several models."""

    @property
    def members(self) -> str:
        """The members, as ``parse_members`` reads them."""
        ...


class WrappingSettings(Settings, Protocol):
    """Settings of a recipe around an earlier model."""

    @property
    def source(self) -> str:
        """Name of the earlier model."""
        ...


class TileSettings(EncoderSettings, Protocol):
    """Settings of the tiles of a slide and of their encoder."""

    @property
    def scales(self) -> str:
        """Widths of the views around a tile, as ``scales_of`` reads them."""
        ...

    @property
    def keys(self) -> int:
        """Number of tiles that are shown as evidence."""
        ...


class BagSettings(TileSettings, EpochSettings, Protocol):
    """Settings of a network over the tiles of a slide."""

    @property
    def tiles(self) -> int:
        """Largest number of tiles of a slide in one step."""
        ...


class WindowSettings(TrainingSettings, Protocol):
    """Settings of a network that is trained on crops and applied window by window."""

    @property
    def mpp(self) -> float | None:
        """Resolution at which pixels are read, µm/px; None reads the slide as it is."""
        ...

    @property
    def crop(self) -> int:
        """Side of a training crop, px."""
        ...

    @property
    def tile(self) -> int:
        """Side of a window, px."""
        ...

    @property
    def steps(self) -> int:
        """Number of training steps."""
        ...


class DetectionSettings(WindowSettings, Protocol):
    """Settings of detection without outlines."""

    @property
    def counted_from(self) -> float:
        """Length below which objects are not counted, µm; 0 counts all."""
        ...


class RegionMapSettings(Settings, Protocol):
    """Settings of maps of regions and of their outlines."""

    @property
    def unlabelled(self) -> str:
        """Class of unlabelled tissue: ``ignored`` or ``background``."""
        ...

    @property
    def finest(self) -> int:
        """Side of the cells that outlines follow, px."""
        ...

    @property
    def smallest(self) -> int:
        """Area below which a region is dropped, px."""
        ...


class RegionSettings(RegionMapSettings, WindowSettings, Protocol):
    """Settings of a network that classifies each pixel."""


GridSettingsT_co = TypeVar("GridSettingsT_co", bound=GridSettings, covariant=True)
NetworkSettingsT_co = TypeVar("NetworkSettingsT_co", bound=NetworkSettings, covariant=True)
ScaledSettingsT_co = TypeVar("ScaledSettingsT_co", bound=ScaledSettings, covariant=True)
StagedSettingsT_co = TypeVar("StagedSettingsT_co", bound=StagedSettings, covariant=True)
HeadSettingsT_co = TypeVar("HeadSettingsT_co", bound=HeadSettings, covariant=True)
MemberSettingsT_co = TypeVar("MemberSettingsT_co", bound=MemberSettings, covariant=True)
WrappingSettingsT_co = TypeVar("WrappingSettingsT_co", bound=WrappingSettings, covariant=True)
TileSettingsT_co = TypeVar("TileSettingsT_co", bound=TileSettings, covariant=True)
BagSettingsT_co = TypeVar("BagSettingsT_co", bound=BagSettings, covariant=True)
WindowSettingsT_co = TypeVar("WindowSettingsT_co", bound=WindowSettings, covariant=True)
DetectionSettingsT_co = TypeVar("DetectionSettingsT_co", bound=DetectionSettings, covariant=True)
RegionMapSettingsT_co = TypeVar("RegionMapSettingsT_co", bound=RegionMapSettings, covariant=True)
RegionSettingsT_co = TypeVar("RegionSettingsT_co", bound=RegionSettings, covariant=True)
