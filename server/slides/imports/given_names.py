"""Use the names of files given by users in errors, not those of the storage."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import PurePosixPath

from ml.slides.errors import errors_with_names
from server.slides.models import Slide


def given_name(*slides: Slide) -> AbstractContextManager[None]:
    """Re-raise errors of slide readers with the given name of the slide, or of its candidates."""
    names: dict[str, str] = {}
    for slide in slides:
        stored = PurePosixPath(slide.source_key).name
        names[stored] = f"{names[stored]} / {slide.name}" if stored in names else slide.name
    return errors_with_names(names)
