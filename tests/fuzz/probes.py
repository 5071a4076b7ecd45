"""Processing of an untrusted file in a child, as far as possible without a database."""

from __future__ import annotations

from pathlib import Path

from server.exchange.formats.files import read_file
from server.registry.tensors import count_tensors
from server.slides.errors import UnreadableSlideError
from server.slides.imports.file_images import SeveralImagesError, settle_image
from server.slides.imports.intake import find_slides
from server.slides.imports.reading import read_facts
from server.slides.imports.segment_sizes import refuse_giant_segments


def probe(kind: str, path: Path) -> int:
    """Read a file as the readers of its kind do."""
    probes = {"rows": probe_rows, "weights": probe_weights}
    return probes.get(kind, probe_slide)(path)


def probe_slide(path: Path) -> int:
    """Group, inspect and draw a slide; return its width."""
    find_slides({path.name: path})
    refuse_giant_segments(path)
    try:
        settle_image(path, None)
        return read_facts(path).width
    except SeveralImagesError as error:
        raise UnreadableSlideError(error.detail, code=error.code) from error


def probe_rows(path: Path) -> int:
    """Read the rows of a file of shapes; return their number."""
    return sum(1 for _ in read_file(path, path.name))


def probe_weights(path: Path) -> int:
    """Check the header of a file of weights; return the number of tensors."""
    return count_tensors(path, path.stat().st_size)
