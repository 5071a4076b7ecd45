"""Small slides that an import must refuse or survive."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile
from PIL import Image, ImageCms

from tests.dicom_material import JPEG, cut, encode, tissue

UNKNOWN_COMPRESSION = 52479
TILE = 64


def write_broken_slides(folder: Path) -> None:
    """Write a valid pyramid, an emoji name, no slide, an unknown compression, and damaged pixels."""
    folder.mkdir(parents=True)
    write_boxes(folder / "boxes.tiff")
    write_tiny_aperio(folder / "😐.svs", damaged=False)
    write_tiny_aperio(folder / "unreadable.svs", damaged=True)
    (folder / "broken.svs").write_text("This is not the content of a slide.\n" * 30, encoding="utf-8")
    path = folder / "unopenable.tiff"
    tifffile.imwrite(
        path, np.full((64, 64, 3), 200, np.uint8), photometric="rgb", compression="deflate", tile=(TILE, TILE)
    )
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        tiff.pages.first.tags["Compression"].overwrite(UNKNOWN_COMPRESSION)


def write_boxes(path: Path) -> None:
    """Write rectangles of four plain colours as a pyramid of three levels with an sRGB profile."""
    pixels = np.full((250, 300, 3), 255, np.uint8)
    for number, colour in enumerate(((255, 0, 0), (0, 255, 0), (0, 0, 255))):
        left = 20 + 90 * number
        pixels[40 : 210 - 30 * number, left : left + 70] = colour
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with tifffile.TiffWriter(path) as tiff:
        for factor in (1, 2, 4):
            level = np.asarray(Image.fromarray(pixels).resize((300 // factor, 250 // factor)))
            tiff.write(
                level,
                photometric="rgb",
                compression="deflate",
                predictor=True,
                tile=(TILE, TILE),
                subfiletype=int(factor > 1),
                resolution=(28.35 / factor, 28.35 / factor),
                resolutionunit="CENTIMETER",
                iccprofile=profile,
                metadata=None,
            )


def write_tiny_aperio(path: Path, *, damaged: bool) -> None:
    """Write an Aperio file of one tile; where ``damaged``, its JPEG has a wrong marker before the scan."""
    pixels = tissue(16, 16, seed=int(damaged))
    [body] = [encode(tile, JPEG, samples_are="RGB") for tile in cut(pixels, TILE)]
    if damaged:
        body = body.replace(b"\xff\xda", b"\xff\xdb", 1)
    text = "16x16 [0,0 16x16] (64x64) JPEG/RGB Q=95|AppMag = 20|MPP = 0.5000"
    tifffile.imwrite(
        path,
        iter([body]),
        shape=pixels.shape,
        dtype=np.uint8,
        photometric="rgb",
        compression="jpeg",
        compressionargs={"outcolorspace": "RGB"},
        subsampling=(1, 1),
        tile=(TILE, TILE),
        description=f"Aperio Image Library v0.0.0 \r\n{text}",
        metadata=None,
        software=False,
    )
