"""Conversion of a slide's colours to sRGB by its ICC profile.

A file without a profile, or whose profile is sRGB already, is shown as it is stored.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Final

import numpy as np
import openslide
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms

from ml.messages import Message
from ml.slides.dicom.header import is_dicom, read_header
from ml.slides.errors import SlideError
from ml.slides.tiff.images import list_images
from ml.slides.tiff.interpretation import HEADER_ERRORS, interpretation_of
from server.core.errors import ContentError

NONE, SRGB, CONVERTED = "none", "srgb", "converted"
_ICC_TAG: Final = 34675
_LARGEST_PROFILE: Final = 8 << 20
# A profile whose result differs from its input by less than this, in levels of 255, is sRGB in all but name.
_UNSEEN: Final = 1.5


class BadProfileError(ContentError):
    """An embedded colour profile is damaged or not for RGB."""

    code = "bad_colour_profile"


class ToSRGB:
    """Conversion from one profile to sRGB. Safe to use from several threads; raises BadProfileError."""

    def __init__(self, profile: bytes) -> None:
        try:
            opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if opened.profile.xcolor_space.strip() != "RGB":
                detail = Message("profile_not_rgb")
                raise BadProfileError(detail)
            self._transform = ImageCms.buildTransform(
                opened,
                ImageCms.createProfile("sRGB"),
                "RGB",
                "RGB",
                renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
                flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
            )
        except (ImageCms.PyCMSError, OSError, ValueError) as error:
            detail = Message("bad_colour_profile")
            raise BadProfileError(detail) from error

    def apply(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return (h, w, 3) uint8 in sRGB."""
        image = Image.fromarray(np.ascontiguousarray(pixels))
        return np.asarray(ImageCms.applyTransform(image, self._transform))

    def changes_anything(self) -> bool:
        """Return whether the conversion makes a visible difference."""
        steps = np.linspace(0, 255, 9).round().astype(np.uint8)
        cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
        difference = np.abs(self.apply(cube).astype(np.int16) - cube.astype(np.int16))
        return float(difference.mean()) > _UNSEEN


def find_profile(path: Path) -> bytes | None:
    """Return the ICC profile of a slide's full-resolution image, or None."""
    if is_dicom(path):
        profile = _profile_by_dicom(path)
    else:
        profile = _profile_by_openslide(path) or _profile_by_tag(path)
    return profile if profile and len(profile) <= _LARGEST_PROFILE else None


def judge_profile(profile: bytes | None) -> tuple[str, bytes | None]:
    """Return the treatment of a profile (``none``, ``srgb``, ``converted``), and the one to apply.

    A damaged profile counts as none: the numbers are all that is known.
    """
    if profile is None:
        return NONE, None
    try:
        changes = ToSRGB(profile).changes_anything()
    except BadProfileError:
        return NONE, None
    return (CONVERTED, profile) if changes else (SRGB, None)


def _profile_by_openslide(path: Path) -> bytes | None:
    try:
        with openslide.OpenSlide(path) as slide:
            profile: Any = slide.color_profile
            return profile.tobytes() if profile is not None else None
    except (openslide.OpenSlideError, ImageCms.PyCMSError, OSError, ValueError):
        return None


def _profile_by_dicom(path: Path) -> bytes | None:
    """Return the profile of the first optical path (PS3.3 C.8.12.5)."""
    header = read_header(path, frames=False)
    paths = header.items("OpticalPathSequence") if header is not None else []
    profile = paths[0].get("ICCProfile") if paths else None
    return profile if isinstance(profile, bytes) else None


def _profile_by_tag(path: Path) -> bytes | None:
    try:
        with tifffile.TiffFile(path, _multifile=False) as tiff:
            # The macro photograph of a file may have a profile of its own.
            page: Any = list_images(tiff)[interpretation_of(path).image].page_at()
            tag = page.keyframe.tags.get(_ICC_TAG)
            return bytes(tag.value) if tag is not None else None
    except (SlideError, *HEADER_ERRORS):
        return None
