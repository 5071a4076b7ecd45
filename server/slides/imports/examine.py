"""Inspect a slide in a subprocess, so that a damaged file cannot crash the worker.

``python -m server.slides.imports.examine FILE FOLDER`` writes ``facts.json``, ``assessment.json``,
``thumbnail.jpg``, the overview tiles and the colour profile, if one is to be applied, into the folder,
or ``refused.txt`` with a sentence. It knows no Django.
"""

from __future__ import annotations

import errno
import json
import logging
import math
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from shapely.geometry import MultiPolygon, mapping

from ml import slides as reading
from ml.messages import Message
from ml.slides.files.stacks import find_stack
from ml.slides.tiff.interpretation import save_sidecar
from ml.storage.process_limits import Limits, plain_environment
from ml.storage.room import is_full
from server.slides.errors import UnreadableSlideError
from server.slides.imports.file_images import SeveralImagesError, settle_image
from server.slides.imports.manifest import PROFILE_NAME, THUMBNAIL_NAME
from server.slides.imports.reading import SlideFacts, open_pixels, read_facts
from server.slides.imports.segment_sizes import refuse_giant_segments
from server.slides.tiles.overview import OVERVIEW_FOLDER, overview_level, write_overview
from server.slides.tiles.sources import encode

log = logging.getLogger(__name__)

_ROOT: Final = Path(__file__).resolve().parents[3]
_FACTS, _ASSESSMENT, _REFUSED = "facts.json", "assessment.json", "refused.json"
_BROKEN: Final = "broken.txt"
_LONGEST_TRACEBACK: Final = 4000
_TICK_SECONDS: Final = 1.0
_THUMBNAIL_SIDE: Final = 512
_LIMIT_SECONDS: Final = 1800.0
# A slide of 10 gigapixels takes less than a gigabyte; all threads together may use the time of two cores.
_LIMITS: Final = Limits(
    memory=4 * 2**30, cpu_seconds=round(2 * _LIMIT_SECONDS), seconds=round(_LIMIT_SECONDS) + 60, written=2**30
)
# The exit code of a child for which the disk had no room: the file is not to blame.
_DISK_FULL: Final = 74


@dataclass(frozen=True)
class Assessment:
    """Image quality of a slide: tissue outline (GeoJSON, level-0 pixels), focus and cleanliness.

    Fraction and scores are 0..1; None where a slide is too small to say.
    """

    tissue: dict[str, Any] | None
    tissue_fraction: float | None
    focus_score: float | None
    pen_score: float | None


def examine(
    path: Path, folder: Path, tick: Callable[[], None], image: int | None = None
) -> tuple[SlideFacts, Assessment]:
    """Inspect a slide in a subprocess, which writes thumbnail and overview to ``folder``.

    ``tick`` is called every second and may raise to stop. ``image`` is the one that a person chose of a file
    with several. Raises UnreadableSlideError with a sentence.
    """
    command = [sys.executable, "-m", "server.slides.imports.examine", str(path), str(folder)]
    command += [] if image is None else [str(image)]
    nowhere = subprocess.DEVNULL
    # A file may cause gigabytes of warnings.
    process = subprocess.Popen(  # noqa: S603
        command, cwd=_ROOT, env=plain_environment(), stdin=nowhere, stdout=nowhere, stderr=nowhere
    )
    try:
        code = _wait(process, tick)
    finally:
        process.kill()
        process.wait()
    if code == _DISK_FULL:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    refused = folder / _REFUSED
    if refused.exists():
        why = json.loads(refused.read_text())
        if why["images"]:
            raise SeveralImagesError(why["images"])
        raise UnreadableSlideError(Message.from_json(why["detail"]), code=why["code"])
    if code != 0:
        _log_traceback(folder / _BROKEN, code)
        message = Message("breaks_reader")
        raise UnreadableSlideError(message, code="breaks_reader")
    facts = SlideFacts.from_values(json.loads((folder / _FACTS).read_text()))
    return facts, Assessment(**json.loads((folder / _ASSESSMENT).read_text()))


def _log_traceback(path: Path, code: int) -> None:
    """Log the cause of a failed examination for operators."""
    try:
        text = path.read_text(errors="replace")
    except FileNotFoundError:
        text = "no traceback"
    log.warning("the examination of a slide ended with %d: %s", code, text)


def _wait(process: subprocess.Popen[bytes], tick: Callable[[], None]) -> int:
    deadline = time.monotonic() + _LIMIT_SECONDS
    while True:
        try:
            return process.wait(_TICK_SECONDS)
        except subprocess.TimeoutExpired:
            tick()
            if time.monotonic() > deadline:
                message = Message(
                    "takes_too_long",
                    most=f"{_LIMIT_SECONDS / 60:.0f}",
                )
                raise UnreadableSlideError(message, code="takes_too_long") from None


def assess(path: Path) -> Assessment:
    """Return tissue, focus and pen marks; raises UnreadableSlideError."""
    try:
        with reading.open_slide(path) as reader:
            scores = reading.assess(reader)
    except reading.SlideError as error:
        raise UnreadableSlideError(error.detail, code=error.code) from error
    tissue = mapping(MultiPolygon(scores.mask.polygons()))
    return Assessment(
        tissue=json.loads(json.dumps(tissue)),
        tissue_fraction=_known(scores.tissue_fraction),
        focus_score=_known(scores.focus),
        pen_score=_known(scores.pen),
    )


def _known(score: float | None) -> float | None:
    """Return None for NaN, which JSON cannot represent."""
    return score if score is not None and math.isfinite(score) else None


def draw_overview(path: Path, facts: SlideFacts, target: Path) -> None:
    """Write thumbnail, overview tiles and the profile to apply; raises UnreadableSlideError."""
    pixels, profile = open_pixels(path, facts)
    if profile is not None:
        (target / PROFILE_NAME).write_bytes(profile)
    pyramid = facts.plan.pyramid
    # They are few and much looked at, so they may be of better quality than others.
    sharp = partial(encode, sharp=True)
    finest = overview_level(pyramid, pixels.is_quick)
    write_overview(target / OVERVIEW_FOLDER, pyramid, finest, pixels.tile, sharp)
    picture = pixels.region((0, 0, pyramid.width, pyramid.height), _THUMBNAIL_SIDE)
    (target / THUMBNAIL_NAME).write_bytes(sharp(picture))


def main(file: str, folder: str, image: str = "") -> None:
    """Inspect one file within limits; main function of the subprocess."""
    target = Path(folder)
    _LIMITS.apply()
    try:
        refuse_giant_segments(Path(file))
        settle_image(Path(file), int(image) if image else None)
        facts = read_facts(Path(file))
        if facts.interpretation is not None:
            # The readers of ``ml`` follow it from here on.
            save_sidecar(Path(file), facts.interpretation)
        facts = replace(facts, stack=find_stack(Path(file)))
        # The rules for tissue, focus and pen are for stained slides on white.
        assessment = Assessment(None, None, None, None) if facts.channels else assess(Path(file))
        draw_overview(Path(file), facts, target)
    except UnreadableSlideError as error:
        why = {"code": error.specific_code, "detail": error.detail.as_json()}
        why["images"] = getattr(error, "images", [])
        (target / _REFUSED).write_text(json.dumps(why))
        return
    (target / _FACTS).write_text(json.dumps(asdict(facts)))
    (target / _ASSESSMENT).write_text(json.dumps(asdict(assessment)))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception as error:  # noqa: BLE001 - written for the parent
        if isinstance(error, OSError) and is_full(error):
            sys.exit(_DISK_FULL)
        Path(sys.argv[2], _BROKEN).write_text(traceback.format_exc()[-_LONGEST_TRACEBACK:])
        sys.exit(1)
