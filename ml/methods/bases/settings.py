"""Settings that the bases of recipes read, and the type variables of the bases."""

from __future__ import annotations

from typing import Protocol, TypeVar

from ml.contracts import Settings
from ml.slides.grid import GridSettings
from ml.training.settings import TrainingSettings


class EncoderSettings(GridSettings, Protocol):
    """Settings of patches that an encoder describes."""

    @property
    def encoder(self) -> str:
        """``descriptors``, or ``encoder:`` with the name of a model."""
        ...


class MemberSettings(GridSettings, Protocol):
    """Settings of a combination of several models."""

    @property
    def members(self) -> str:
        """The members, as ``parse_members`` reads them."""
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


TileSettingsT_co = TypeVar("TileSettingsT_co", bound=TileSettings, covariant=True)
WindowSettingsT_co = TypeVar("WindowSettingsT_co", bound=WindowSettings, covariant=True)
DetectionSettingsT_co = TypeVar("DetectionSettingsT_co", bound=DetectionSettings, covariant=True)
RegionMapSettingsT_co = TypeVar("RegionMapSettingsT_co", bound=RegionMapSettings, covariant=True)
RegionSettingsT_co = TypeVar("RegionSettingsT_co", bound=RegionSettings, covariant=True)
