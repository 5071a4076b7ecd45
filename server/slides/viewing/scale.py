"""Source of the resolution and magnification of a slide: file, estimate or correction."""

from __future__ import annotations

from ml.slides.resolution import Resolution, estimate_power
from server.slides.imports.reading import ScaleFacts, SlideFacts
from server.slides.models import Slide

_Source = Slide.ScaleSource
SCALE_FIELDS = (
    "mpp_x", "mpp_y", "resolution_source", "magnification", "magnification_source",
)  # fmt: skip


def take_scale(slide: Slide, facts: SlideFacts | ScaleFacts) -> None:
    """Set the file's resolution and magnification on a slide; a manager's correction stays in use."""
    slide.file_mpp_x, slide.file_mpp_y = facts.mpp_x, facts.mpp_y
    slide.file_resolution_source = _source(facts.mpp_x, is_estimated=facts.is_resolution_estimated)
    slide.resolution_notes = list(facts.resolution_notes)
    slide.magnification = facts.magnification
    slide.magnification_source = _source(facts.magnification, is_estimated=facts.is_magnification_estimated)
    if slide.resolution_source == _Source.CORRECTED:
        use_resolution(slide, slide.resolution)
    else:
        revert_resolution(slide)


def use_resolution(slide: Slide, resolution: Resolution | None) -> None:
    """Set a corrected resolution of a slide. An estimated magnification follows it."""
    slide.mpp_x = resolution.x if resolution else None
    slide.mpp_y = resolution.y if resolution else None
    slide.resolution_source = _Source.CORRECTED if resolution else _Source.UNKNOWN
    _follow(slide)


def revert_resolution(slide: Slide) -> None:
    """Set the resolution of a slide to its file's own again."""
    slide.mpp_x, slide.mpp_y = slide.file_mpp_x, slide.file_mpp_y
    slide.resolution_source = slide.file_resolution_source
    _follow(slide)


def _follow(slide: Slide) -> None:
    if slide.magnification_source == _Source.FILE:
        return
    slide.magnification = estimate_power(slide.resolution)
    slide.magnification_source = _source(slide.magnification, is_estimated=True)


def _source(value: float | None, *, is_estimated: bool) -> Slide.ScaleSource:
    if value is None:
        return _Source.UNKNOWN
    return _Source.ESTIMATED if is_estimated else _Source.FILE
