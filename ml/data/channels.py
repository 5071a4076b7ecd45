"""Channels that the slides and images of a dataset share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from ml.contracts import Channel, DataError, Dataset
from ml.data.folders.images import is_multiple
from ml.data.patches import part_of
from ml.messages import Message
from ml.slides import find_channels
from ml.slides.channels.reader import joined
from ml.slides.errors import errors_with_names
from ml.slides.levels import PixelFile
from ml.storage.model_state import ModelState


def channels_of(dataset: Dataset) -> tuple[Channel, ...]:
    """Return the channels that all slides and images have, none for colour images.

    Their ranges span those of all that is not held out as a case. Raises DataError(``other_channels``)
    that names two files that differ.
    """
    first: tuple[str, tuple[str, ...]] | None = None
    spans: dict[bool, list[tuple[Channel, ...]]] = {False: [], True: []}
    for name, held_out, reader in _readers(dataset):
        names = () if reader is None else reader.names
        first = first or (name, names)
        if sorted(names) != sorted(first[1]):
            message = Message(
                "channels_differ",
                slide=first[0],
                channels=_in_words(first[1]),
                other=name,
                theirs=_in_words(names),
            )
            raise DataError(message, code="other_channels")
        if reader is not None:
            spans[held_out].append(reader.channels)
    return joined(spans[False] or spans[True])


def take_channels(state: ModelState, dataset: Dataset) -> None:
    """Store the dataset's channels; raises DataError(``several_channels``) if the method takes none."""
    channels = channels_of(dataset)
    if channels and not state.takes_channels:
        message = Message(
            "images_have_channels",
            channels=", ".join(channel.name for channel in channels),
            recipe=state.recipe,
            title=state.title,
        )
        raise DataError(message, code="several_channels")
    state.channels = channels


def with_channels(state: ModelState, dataset: Dataset) -> Dataset:
    """Return the dataset, with its pixels read as the channels of a model."""
    return replace(dataset, channels=state.channels)


def _readers(dataset: Dataset) -> Iterator[tuple[str, bool, PixelFile | None]]:
    for slide in dataset.slides:
        with errors_with_names({slide.path.name: slide.shown_name}):
            reader = find_channels(slide.path)
        yield slide.shown_name, part_of(dataset, slide.case) == "test", reader
    for image in dataset.images:
        yield image.path.name, part_of(dataset, image.case) == "test", _of_image(image.path)


def _of_image(path: Path) -> PixelFile | None:
    try:
        with Image.open(path) as image:
            multiple = is_multiple(image)
    except (OSError, UnidentifiedImageError):
        # What Pillow cannot read may yet be channels; if it is neither, reading it says so.
        multiple = True
    return find_channels(path) if multiple else None


def _in_words(names: tuple[str, ...]) -> str:
    return f"has the channels {', '.join(names)}" if names else "is a colour image"
