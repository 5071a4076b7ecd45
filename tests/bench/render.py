"""Frame times in a real browser while panning, and the time until a million objects are shown.

Chromium draws on the processor, WebGL with SwiftShader: absolute times are those of a machine without a
graphics card, ratios are what to read. Frames are not held to the beat of a screen. Each figure is the mean
time from frame to frame over 360 pixels there and back; the note has the processor time of the browser per
frame, which a busy machine changes less.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from tests.bench.harness import Figure, bench
from tests.bench.rigs.annotorious import open_peer
from tests.bench.rigs.render_rig import SIDE, VIEW, Frames, Rig, rig
from tests.material import random_shapes

FEW, MANY, FIRST = 5_000, 5_000_000, 1_000_000
# CSS pixels per level-0 pixel: the whole slide, cells, shapes that begin to show, many shapes, few shapes.
ZOOMS = {"far": 0.0137, "middle": 0.1, "fade": 0.3, "crowd": 0.6, "near": 1.0}
SIZES = (10_000, 100_000, FIRST, MANY, 10_000_000)
FEW_DRAWN, MANY_DRAWN = 500, 50_000
# From farther away small annotations are counts, and nothing is dragged.
EDITED = ("fade", "near")
PEER_SIDE = 8192
PEER_COUNTS = (1_000, 5_000)
PEER_ZOOMS = {"far": 0.1, "near": 1.0}
SCREENS = (0, 16, 64, 128, 192)
OPENINGS = 3
FIRST_AIM = 1.0


def _compared(name: str, ours: Frames, other: Frames, note: str) -> Figure:
    note += f"; processor time {ours.processor:.0f} and {other.processor:.0f} ms"
    note += f"; own script {ours.work:.1f} and {other.work:.1f} ms" if other.work else ""
    return Figure(name, ours.whole, "ms", other.whole, note)


@bench("render.growth")
def measure_growth() -> Iterator[Figure]:
    """Measure the same path over few and over many objects; the worst zoom is the figure."""
    with rig() as made:
        yield from _growth(made)


def _growth(made: Rig) -> Iterator[Figure]:
    few, many = made.add_slide("few"), made.add_slide("many")
    made.add("objects", few, FEW)
    made.add("objects", many, MANY)
    figures = []
    for name, zoom in ZOOMS.items():
        frames = [made.frames(address, SIDE, zoom, "suggestions") for address in (many, few)]
        note = f"{MANY:,} objects; baseline: {FEW:,}; zoom {zoom}"
        figures.append(_compared(f"render.growth.{name}", frames[0], frames[1], note))
        yield figures[-1]
    worst = max(figures, key=lambda figure: figure.ratio or 0)
    yield Figure("render.growth", worst.value, "ms", worst.baseline, f"the worst of these: {worst.name}")


@bench("render.sizes")
def measure_sizes() -> Iterator[Figure]:
    """Measure the first picture of a million objects, then frame times of growing numbers."""
    with rig() as made:
        first = made.add_slide("first")
        made.add("objects", first, FIRST)
        yield from _first_paint(made, first)
        yield from _sizes(made, {FIRST: first})


def _sizes(made: Rig, there: dict[int, str]) -> Iterator[Figure]:
    """Yield the figures of near shapes, on slides of one size with growing numbers of them."""
    for size in SIZES:
        address = there.get(size) or made.add_slide(f"{size}")
        if size not in there:
            made.add("objects", address, size)
        frames = made.frames(address, SIDE, ZOOMS["near"], "suggestions")
        name = "render.frame" if size == MANY else f"render.growth.{size:.0e}.frame"
        note = f"{size:,} objects, zoom {ZOOMS['near']}; processor time {frames.processor:.0f} ms"
        yield Figure(name, frames.whole, "ms", note=note)


@bench("render.memory")
def measure_memory() -> Iterator[Figure]:
    """Measure the browser's memory after growing numbers of screens of new shapes."""
    with rig() as made:
        address = made.add_slide("many")
        made.add("objects", address, MANY)
        yield from _memory(made, address)


def _memory(made: Rig, address: str) -> Iterator[Figure]:
    first = 0
    for held in made.memory(address, SIDE / 8, ZOOMS["near"], SCREENS):
        first = first or held.browser
        note = f"{MANY:,} objects; tiles {held.tiles / 2**20:.0f} of {held.budget / 2**20:.0f} MiB"
        yield Figure(f"render.memory.{held.screens}", held.browser, "B", first, note)


def _first_paint(made: Rig, address: str) -> Iterator[Figure]:
    """Return the time from the open viewer, with its slide drawn, to the complete picture of the set."""
    for name, zoom in (("", ZOOMS["far"]), (".near", ZOOMS["near"])):
        taken = [made.first_paint(address, SIDE / 2, zoom) for _ in range(OPENINGS)]
        note = f"{FIRST:,} objects, {OPENINGS} openings, slowest {max(taken):.2f} s; baseline: the aim"
        yield Figure(f"render.first_paint{name}", statistics.median(taken), "s", FIRST_AIM, note)


@bench("render.annotations")
def measure_annotations() -> Iterator[Figure]:
    """Measure hand-drawn annotations on two slides of one size."""
    with rig() as made:
        yield from _annotations(made)


def _annotations(made: Rig) -> Iterator[Figure]:
    few, many = made.add_slide("few by hand"), made.add_slide("many by hand")
    made.add("annotations", few, FEW_DRAWN)
    made.add("annotations", many, MANY_DRAWN)
    for name in ("far", "middle", "near"):
        frames = [made.frames(address, SIDE, ZOOMS[name], "") for address in (many, few)]
        note = f"{MANY_DRAWN:,} annotations; baseline: {FEW_DRAWN}; zoom {ZOOMS[name]}"
        yield _compared(f"render.annotations.{name}", frames[0], frames[1], note)
    for name in EDITED:
        edits = [made.edits(address, SIDE / 2, ZOOMS[name]) for address in (many, few)]
        note = f"{MANY_DRAWN:,} annotations; baseline: {FEW_DRAWN}; zoom {ZOOMS[name]}"
        yield Figure(f"render.annotations.{name}.drag", edits[0].drag, "ms", edits[1].drag, note)
        yield Figure(f"render.annotations.{name}.undo", edits[0].undo, "ms", edits[1].undo, note)


@bench("render.annotorious")
def measure_peer() -> Iterator[Figure]:
    """Measure editable annotations beside OpenSeadragon with Annotorious, with the same shapes."""
    with rig() as made:
        yield from _peer(made)


def _peer(made: Rig) -> Iterator[Figure]:
    for count in PEER_COUNTS:
        address = made.add_slide(f"peer {count}", PEER_SIDE)
        made.add("annotations", address, count)
        shapes = [
            {"label": int(label), "points": points.round(2).tolist()}
            for batch in random_shapes(count, PEER_SIDE, PEER_SIDE, seed=1, radius=16.0)
            for points, label in zip(batch["coordinates"], batch["label"], strict=True)
        ]
        page = open_peer(made.browser, VIEW, PEER_SIDE, shapes)
        theirs = {}
        for name, zoom in PEER_ZOOMS.items():
            page.evaluate("(place) => window.goTo(...place)", [PEER_SIDE / 2, PEER_SIDE / 2, zoom])
            made.pan(page, "panBy", rounds=1)
            theirs[name] = made.pan(page, "panBy")
        page.context.close()
        for name, zoom in PEER_ZOOMS.items():
            ours = made.frames(address, PEER_SIDE, zoom, "")
            note = f"{count:,} annotations; baseline: Annotorious 3.8; zoom {zoom}"
            yield _compared(f"render.annotorious.{count}.{name}", ours, theirs[name], note)
