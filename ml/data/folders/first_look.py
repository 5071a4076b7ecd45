"""Validation of image files before training."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from PIL import Image, ImageSequence

from ml.contracts import DataError, Dataset
from ml.data.folders.images import read_image, read_instances, refuse_other_size
from ml.data.patches import part_of
from ml.messages import Message
from ml.slides import find_channels
from ml.slides.files.sources import IMAGE_ERRORS

NAMED = 5


def validate_images(dataset: Dataset, *, learned: bool, resized: bool) -> list[str]:
    """Return warnings about images of one colour throughout and, where ``resized``, about several sizes.

    Raises DataError before time is spent on learning: ``bad_image`` for a file that cannot be read,
    ``bad_mask`` for a mask of another size, ``constant_images`` where the images are to be ``learned`` from
    and all of the part ``train`` are of one colour each.
    """
    sizes: Counter[tuple[int, int]] = Counter()
    plain: list[Path] = []
    seen = plain_ones = 0
    for image in dataset.images:
        size, constant = _size_and_constant(image.path)
        sizes[size] += 1
        for mask in (image.mask, image.kinds):
            if mask is not None:
                refuse_other_size(image.path, size[::-1], mask, read_instances(mask).shape)
        plain += [image.path] if constant else []
        if part_of(dataset, image.case) == "train":
            seen += 1
            plain_ones += constant
    if learned and seen == plain_ones > 0:
        message = Message(
            "images_of_one_colour",
            seen=seen,
            image=str(plain[0]),
        )
        raise DataError(message, code="constant_images")
    warnings = []
    if plain:
        named = ", ".join(f"{path}" for path in plain[:NAMED])
        more = f" and {len(plain) - NAMED} more" if len(plain) > NAMED else ""
        warnings.append(
            f"Nothing is to be seen in {len(plain)} images, which are of one colour: {named}{more}."
        )
    if resized and len(sizes) > 1:
        named = ", ".join(f"{count} of {wide} x {tall}" for (wide, tall), count in sizes.most_common(NAMED))
        more = ", and others" if len(sizes) > NAMED else ""
        warnings.append(f"The images have {len(sizes)} sizes ({named}{more}); each is resized to a square.")
    return warnings


def _size_and_constant(path: Path) -> tuple[tuple[int, int], bool]:
    """Return (width, height) of an image, and whether each of its channels is constant."""
    try:
        with Image.open(path) as image:
            if image.mode != "F":
                return image.size, all(_is_constant(frame) for frame in ImageSequence.Iterator(image))
    except IMAGE_ERRORS:
        several = find_channels(path)
        if several is not None:
            with several:
                return (several.width, several.height), False
    pixels = read_image(path)
    return (pixels.shape[1], pixels.shape[0]), bool((pixels == pixels[0, 0]).all())


def _is_constant(image: Image.Image) -> bool:
    spans = image.getextrema()
    bands = spans if isinstance(spans[0], tuple) else (spans,)
    return all(low == high for low, high in bands)
