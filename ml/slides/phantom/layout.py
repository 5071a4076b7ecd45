"""Layout of a phantom: tissue, tumours, artefacts, and the fields that vary over it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from ml.slides.phantom.chance import Waves

GLAND_REACH_UM = 27.0
NUCLEUS_REACH_UM = 5.5
MAX_TUMOUR_UM = 3_000.0


@dataclass(frozen=True)
class Layout:
    """The plan of one phantom; lengths in level-0 pixels.

    ``gland_area`` is where a gland's centre may lie so that all of it is tumour; ``nucleus_area``
    the same for stromal nuclei and tissue. ``warp`` bends the fibres, ``clusters`` is where
    lymphocytes gather, ``depth`` is how strongly eosin takes.
    """

    width: int
    height: int
    seed: int
    mpp: float
    tissue: Polygon
    tumours: tuple[Polygon, ...]
    stroma: tuple[Polygon, ...]
    artefacts: tuple[tuple[str, Polygon], ...]
    ink: str
    gland_area: BaseGeometry
    nucleus_area: BaseGeometry
    warp: Waves
    clusters: Waves
    depth: Waves


def plan(width: int, height: int, seed: int, mpp: float) -> Layout:
    """Return the layout of a phantom; the same arguments always give the same one."""
    if min(width, height) < 64 or mpp <= 0:  # noqa: PLR2004 - below this nothing fits
        message = f"a phantom needs at least 64 x 64 pixels and a resolution: {width} x {height}"
        raise ValueError(message)
    rng = np.random.default_rng([seed, 1])
    middle = np.array([width, height]) * rng.uniform(0.48, 0.52, 2)
    radii = np.array([width, height]) * rng.uniform(0.40, 0.43, 2)
    tissue = blob(rng, middle, radii, points=512, waviness=0.05)
    tumours = place_tumours(rng, tissue, min(width, height), mpp)
    every_tumour = shapely.union_all(tumours)
    whole = Polygon(tissue.exterior, [])
    gland_area = shapely.buffer(every_tumour, -(GLAND_REACH_UM + 1) / mpp)
    nucleus_area = shapely.buffer(whole, -(NUCLEUS_REACH_UM + 1) / mpp)
    shapely.prepare([gland_area, nucleus_area])
    artefacts = place_artefacts(rng, tissue, min(width, height))
    return Layout(
        width=width,
        height=height,
        seed=seed,
        mpp=mpp,
        tissue=whole,
        tumours=tumours,
        stroma=tuple(polygons_of(shapely.difference(whole, every_tumour))),
        artefacts=artefacts,
        ink=str(rng.choice(["green", "blue"])),
        gland_area=gland_area,
        nucleus_area=nucleus_area,
        warp=Waves.drawn(rng, wavelength=500.0 / mpp, height=30.0 / mpp),
        clusters=Waves.drawn(rng, wavelength=350.0 / mpp, height=1.0),
        depth=Waves.drawn(rng, wavelength=260.0 / mpp, height=0.10),
    )


def polygons_of(geometry: BaseGeometry) -> list[Polygon]:
    """Return the polygons of a geometry."""
    return [part for part in shapely.get_parts(geometry) if isinstance(part, Polygon)]


def blob(
    rng: np.random.Generator,
    middle: NDArray[np.float64],
    radii: NDArray[np.float64],
    *,
    points: int,
    waviness: float,
) -> Polygon:
    """Draw a star-shaped outline of ten harmonics around ``middle``; at most about ``radii``."""
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    order = np.arange(2, 12)
    phase = rng.uniform(0, 2 * np.pi, len(order))
    share = rng.uniform(0.4, 1.0, len(order)) * waviness * (2 / order) ** 0.6
    reach = 1 + (share[:, None] * np.cos(order[:, None] * angle + phase[:, None])).sum(axis=0)
    reach /= max(1.0, float(reach.max()))
    ring = middle + np.stack([np.cos(angle), np.sin(angle)], axis=1) * reach[:, None] * radii
    return Polygon(np.round(ring, 2))


def place_tumours(rng: np.random.Generator, tissue: Polygon, side: int, mpp: float) -> tuple[Polygon, ...]:
    """Fill about a third of the tissue with tumours that neither touch nor leave it."""
    room = shapely.buffer(tissue, -0.02 * side)
    shapely.prepare(room)
    xmin, ymin, xmax, ymax = room.bounds
    circles: list[tuple[float, float, float]] = []
    tumours: list[Polygon] = []
    area = 0.0
    for attempt in range(4_000):
        radius = min(side * rng.uniform(0.10, 0.20), MAX_TUMOUR_UM / mpp * rng.uniform(0.5, 1.0))
        x, y = rng.uniform(xmin, xmax), rng.uniform(ymin, ymax)
        apart = all(np.hypot(x - a, y - b) > radius + c + 0.01 * side for a, b, c in circles)
        if not apart or not shapely.contains_xy(room, x, y):
            continue
        shape = blob(rng, np.array([x, y]), np.array([radius, radius]), points=256, waviness=0.16)
        inside = polygons_of(shapely.intersection(shape, room))
        if not inside:
            continue
        circles.append((x, y, radius))
        tumours.append(max(inside, key=lambda part: part.area))
        area += tumours[-1].area
        if area > 0.36 * tissue.area or (attempt > 400 and len(tumours) >= 2):  # noqa: PLR2004 - shares of the plan
            break
    return tuple(tumours)


def place_artefacts(rng: np.random.Generator, tissue: Polygon, side: int) -> tuple[tuple[str, Polygon], ...]:
    """Return one fold across the tissue, one patch out of focus in it, one pen stroke at its edge."""
    xmin, ymin, xmax, ymax = tissue.bounds
    across = np.array([xmax - xmin, ymax - ymin])
    corner = np.array([xmin, ymin])
    start = corner + across * rng.uniform([0.16, 0.22], [0.24, 0.30])
    fold = ribbon(rng, start, start + across * rng.uniform(0.16, 0.22, 2), 0.006 * side)
    middle = corner + across * rng.uniform([0.62, 0.24], [0.72, 0.34])
    blur = blob(rng, middle, np.full(2, 0.075 * side), points=96, waviness=0.10)
    start = corner + across * rng.uniform([0.66, 0.86], [0.70, 0.90])
    pen = ribbon(rng, start, corner + across * rng.uniform([0.97, 0.70], [1.03, 0.80]), 0.012 * side)
    clipped = shapely.intersection(np.array([fold, blur]), tissue)
    pieces = [max(polygons_of(shape), key=lambda part: part.area) for shape in clipped]
    return (("fold", pieces[0]), ("blur", pieces[1]), ("pen", pen))


def ribbon(
    rng: np.random.Generator,
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    half_width: float,
) -> Polygon:
    """Draw a band that swings around the line from ``start`` to ``end`` and tapers at its ends."""
    along = np.linspace(0, 1, 48)
    line = end - start
    normal = np.array([-line[1], line[0]])
    swing = 0.08 * np.sin(2 * np.pi * (along * rng.uniform(1.0, 1.8) + rng.uniform()))
    path = start + along[:, None] * line + swing[:, None] * normal
    thick = half_width * (0.55 + 0.45 * np.sin(np.pi * along)) * rng.uniform(0.9, 1.1)
    unit = normal / np.hypot(*normal)
    ring = np.concatenate([path + thick[:, None] * unit, (path - thick[:, None] * unit)[::-1]])
    shape = shapely.make_valid(Polygon(np.round(ring, 2)))
    if isinstance(shape, MultiPolygon) or not isinstance(shape, Polygon):
        shape = max(polygons_of(shape), key=lambda part: part.area)
    return shape
