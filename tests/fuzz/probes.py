"""Processing of an untrusted file in a child, as far as possible without a database."""

from __future__ import annotations

from pathlib import Path

from ml.contracts import Bounds
from ml.data.folders.images import read_image, read_instances
from ml.slides import open_slide
from ml.slides.files.companions import files_of_slide
from server.exchange.formats.files import read_file
from server.registry.tensors import count_tensors
from server.slides.errors import UnreadableSlideError
from server.slides.imports.file_images import SeveralImagesError, settle_image
from server.slides.imports.intake import find_slides
from server.slides.imports.reading import read_facts
from server.slides.imports.segment_sizes import refuse_giant_segments


def probe(kind: str, path: Path) -> int:
    """Read a file as the readers of its kind do."""
    probes = {"rows": probe_rows, "weights": probe_weights, "image": probe_image}
    return probes.get(kind, probe_slide)(path)


def probe_slide(path: Path) -> int:
    """Group, inspect and draw a slide; return its width."""
    find_slides(files_of_slide(path))
    refuse_giant_segments(path)
    try:
        settle_image(path, None)
        return read_facts(path).width
    except SeveralImagesError as error:
        raise UnreadableSlideError(error.detail, code=error.code) from error


def probe_image(path: Path) -> int:
    """Read an image of a training folder, as a picture, as a slide and as a mask; return its width."""
    read_image(path)
    with open_slide(path) as reader:
        reader.read(Bounds(0, 0, reader.width, reader.height), (reader.width, reader.height))
    read_instances(path)
    return reader.width


def probe_rows(path: Path) -> int:
    """Read the rows of a file of shapes; return their number."""
    return sum(1 for _ in read_file(path, path.name))


def probe_weights(path: Path) -> int:
    """Check the header of a file of weights; return the number of tensors."""
    return count_tensors(path, path.stat().st_size)
