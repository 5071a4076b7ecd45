"""Images of a file that may be the slide. Free of Django: the inspecting subprocess uses it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from ml.messages import Message
from ml.slides.errors import SlideError
from ml.slides.resolution.formats import is_tiff
from ml.slides.tiff.interpretation import interpret, list_candidates, save_sidecar
from server.slides.errors import UnreadableSlideError

SEVERAL_IMAGES: Final = "several_images"


class SeveralImagesError(UnreadableSlideError):
    """The file holds several images that may be the slide. ``images`` lists them, the likeliest first."""

    code = SEVERAL_IMAGES

    def __init__(self, images: list[dict[str, Any]]) -> None:
        detail = Message(
            "several_images",
            count=len(images),
        )
        super().__init__(detail, code=SEVERAL_IMAGES)
        self.images = images


def settle_image(path: Path, image: int | None) -> None:
    """Store a user's choice beside the file; raises SeveralImagesError where a choice is needed.

    Raises UnreadableSlideError for an image that cannot be read.
    """
    if not is_tiff(path):
        return
    if image is None:
        candidates = list_candidates(path)
        if len(candidates) > 1:
            raise SeveralImagesError([asdict(one) for one in candidates])
        return
    try:
        save_sidecar(path, interpret(path, image))
    except SlideError as error:
        raise UnreadableSlideError(error.detail, code=error.code) from error
