"""Read a slide in a process of its own, because a damaged file may take its reader down with it.

``python -m server.slides.examine FILE FOLDER`` writes ``facts.json``, ``assessment.json``,
``thumbnail.jpg``, the overview tiles and the colour profile, if one is to be applied, into the folder,
or ``refused.txt`` with a sentence. It knows no Django.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from shapely.geometry import MultiPolygon, mapping

from ml import slides as reading
from ml.contracts import Sentence, sentence_parts
from server.slides.manifest import PROFILE_NAME, THUMBNAIL_NAME
from server.slides.overview import OVERVIEW_FOLDER, overview_level, write_overview
from server.slides.reading import SlideFacts, open_pixels, read_facts
from server.slides.sources import UnreadableSlideError, encode

_ROOT: Final = Path(__file__).resolve().parents[2]
_FACTS, _ASSESSMENT, _REFUSED = "facts.json", "assessment.json", "refused.json"
_TICK_SECONDS: Final = 1.0
_THUMBNAIL_SIDE: Final = 512
_LIMIT_SECONDS: Final = 1800.0


@dataclass(frozen=True)
class Assessment:
    """How a slide looks: where tissue is (GeoJSON, level-0 pixels) and how sharp and clean it is.

    Fraction and scores are 0..1; None where a slide is too small to say.
    """

    tissue: dict[str, Any] | None
    tissue_fraction: float | None
    focus_score: float | None
    pen_score: float | None


def examine(path: Path, folder: Path, tick: Callable[[], None]) -> tuple[SlideFacts, Assessment]:
    """Read a slide in its own process; thumbnail and overview lie in ``folder`` afterwards.

    ``tick`` is called every second and may raise to stop. Raises UnreadableSlideError with a sentence.
    """
    command = [sys.executable, "-m", "server.slides.examine", str(path), str(folder)]
    process = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.DEVNULL)  # noqa: S603
    try:
        code = _wait(process, tick)
    finally:
        process.kill()
        process.wait()
    refused = folder / _REFUSED
    if refused.exists():
        why = json.loads(refused.read_text())
        raise UnreadableSlideError(Sentence.from_parts(why["detail"]), code=why["code"])
    if code != 0:
        message = Sentence(
            "breaks_reader", "The file broke the program that reads it, so it was not imported."
        )
        raise UnreadableSlideError(message, code="breaks_reader")
    facts = SlideFacts.from_values(json.loads((folder / _FACTS).read_text()))
    return facts, Assessment(**json.loads((folder / _ASSESSMENT).read_text()))


def _wait(process: subprocess.Popen[bytes], tick: Callable[[], None]) -> int:
    deadline = time.monotonic() + _LIMIT_SECONDS
    while True:
        try:
            return process.wait(_TICK_SECONDS)
        except subprocess.TimeoutExpired:
            tick()
            if time.monotonic() > deadline:
                message = Sentence(
                    "takes_too_long",
                    "Reading the file took more than {most} minutes.",
                    most=f"{_LIMIT_SECONDS / 60:.0f}",
                )
                raise UnreadableSlideError(message, code="takes_too_long") from None


def assess(path: Path) -> Assessment:
    """Look for tissue, focus and pen; raises UnreadableSlideError."""
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
    """Return None for "not a number", which PostgreSQL would keep and no JSON can say."""
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


def main(file: str, folder: str) -> None:
    """Examine one file, as the child process."""
    target = Path(folder)
    try:
        facts = read_facts(Path(file))
        # The rules for tissue, focus and pen are for stained slides on white.
        assessment = Assessment(None, None, None, None) if facts.channels else assess(Path(file))
        draw_overview(Path(file), facts, target)
    except UnreadableSlideError as error:
        why = {"code": error.specific_code, "detail": sentence_parts(error.detail)}
        (target / _REFUSED).write_text(json.dumps(why))
        return
    (target / _FACTS).write_text(json.dumps(asdict(facts)))
    (target / _ASSESSMENT).write_text(json.dumps(asdict(assessment)))


if __name__ == "__main__":
    main(*sys.argv[1:])
