"""Pairs of slides of the same tissue with a known warp between them, on request in two stains."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy import ndimage

from ml.contracts import Bounds
from ml.slides import PhantomTruth, open_slide, tissue_mask, write_phantom
from ml.slides.stain_separation import join_stains, separate_stains

SIDE = 2048
MPP = 0.5
BEND_UM = 18.0

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Warp:
    """Warp from fixed to moving pixels: a rotation, a little scale and shear, and a smooth bend."""

    matrix: NDArray[np.float64]
    phases: NDArray[np.float64]

    @classmethod
    def drawn(cls, seed: int) -> Warp:
        """Return a random warp of a seed: up to 20 degrees, 3 per cent and 150 px."""
        random = np.random.default_rng([seed, 31])
        angle, scale = np.radians(random.uniform(-20, 20)), random.uniform(0.97, 1.03)
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        turn = turn @ np.array([[1, random.uniform(-0.02, 0.02)], [0, 1]])
        middle = np.array([SIDE / 2, SIDE / 2])
        offset = middle - turn @ middle + random.uniform(-150, 150, 2)
        matrix = np.vstack([np.column_stack([turn, offset]), [0, 0, 1]])
        return cls(matrix, random.uniform(0, 2 * np.pi, 4))

    def __call__(self, points: Points) -> Points:
        """Return the points (n, 2) on the moving slide of points (n, 2) of the fixed slide."""
        x, y = points[:, 0] / SIDE * 2 * np.pi, points[:, 1] / SIDE * 2 * np.pi
        a, b, c, d = self.phases
        bend = np.stack([np.sin(y + a) + 0.5 * np.sin(2 * x + b), np.sin(x + c) + 0.5 * np.sin(2 * y + d)], 1)
        moved: Points = points @ self.matrix[:2, :2].T + self.matrix[:2, 2] + bend * BEND_UM / MPP / 2
        return moved

    def inverse(self, points: Points) -> Points:
        """Return the points (n, 2) on the fixed slide of points (n, 2) of the moving slide."""
        turn = np.linalg.inv(self.matrix[:2, :2])
        fixed = (points - self.matrix[:2, 2]) @ turn.T
        for _ in range(6):
            fixed = fixed + (points - self(fixed)) @ turn.T
        return fixed


@dataclass(frozen=True)
class Pair:
    """Two slide files, the warp between them, and points (n, 2) on the tissue of the fixed one."""

    fixed: Path
    moving: Path
    truth: Warp
    phantom: PhantomTruth
    points: Points


def write_pair(folder: Path, seed: int, *, stain: str = "H&E") -> Pair:
    """Write a phantom and its warped copy; with ``stain`` DAB, tumour tissue is brown."""
    folder.mkdir(parents=True, exist_ok=True)
    phantom = write_phantom(folder / "fixed.tif", width=SIDE, height=SIDE, seed=seed, mpp=MPP)
    warp = Warp.drawn(seed)
    with open_slide(folder / "fixed.tif") as reader:
        pixels = reader.read(Bounds(0, 0, SIDE, SIDE), (SIDE, SIDE))
        mask = tissue_mask(reader)
        random = np.random.default_rng([seed, 32])
        places = random.uniform(0, SIDE, (4000, 2))
        boxes = np.concatenate([places - 20, places + 20], axis=1)
        points = places[mask.shares(boxes) > 0.9][:400]  # noqa: PLR2004 - well on tissue
    if stain == "DAB":
        pixels = _in_brown(pixels, phantom)
    write_tiff(folder / "moving.tif", _warped(pixels, warp, random))
    return Pair(folder / "fixed.tif", folder / "moving.tif", warp, phantom, points)


def write_tiff(path: Path, pixels: NDArray[np.uint8], mpp: float = MPP) -> None:
    """Write RGB pixels as a tiled TIFF with its resolution."""
    tifffile.imwrite(
        path,
        pixels,
        tile=(256, 256),
        photometric="rgb",
        compression="jpeg",
        compressionargs={"level": 90},
        resolution=(10_000 / mpp, 10_000 / mpp),
        resolutionunit="CENTIMETER",
    )


def _warped(pixels: NDArray[np.uint8], warp: Warp, random: np.random.Generator) -> NDArray[np.uint8]:
    out = np.full_like(pixels, 245)
    for top in range(0, SIDE, 512):
        y, x = np.mgrid[top : top + 512, 0:SIDE]
        at = warp.inverse(np.stack([x.ravel() + 0.5, y.ravel() + 0.5], axis=1)) - 0.5
        for channel in range(3):
            values = ndimage.map_coordinates(
                pixels[..., channel], [at[:, 1], at[:, 0]], order=1, mode="constant", cval=245
            )
            out[top : top + 512, :, channel] = values.reshape(512, SIDE)
    noisy = out.astype(np.float32) + random.normal(0, 2.5, out.shape).astype(np.float32)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def _in_brown(pixels: NDArray[np.uint8], phantom: PhantomTruth) -> NDArray[np.uint8]:
    """Return the slide as stained by haematoxylin and an antibody that marks the tumour."""
    import shapely  # noqa: PLC0415 - only here

    concentrations = separate_stains(pixels)
    tumour = [shape for name, shape in phantom.regions if name == "tumour"]
    y, x = np.mgrid[0:SIDE:4, 0:SIDE:4]
    inside = np.zeros(x.shape, bool)
    for shape in tumour:
        shapely.prepare(shape)
        inside |= shapely.contains_xy(shape, x, y)
    marked = inside.repeat(4, axis=0).repeat(4, axis=1)
    tissue = -np.log10((pixels.astype(np.float32).mean(axis=2) + 1) / 256)
    haematoxylin = concentrations[..., 0].clip(0)
    brown = np.stack([haematoxylin, 0.1 * tissue, np.where(marked, 1.5, 0.05) * tissue], axis=-1)
    return join_stains(brown.astype(np.float32))
