"""One phantom as an Aperio file and as a DICOM series, with label, macro and thumbnail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import simplejpeg
import tifffile
from PIL import Image, ImageCms, ImageDraw
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid

from ml.contracts import Bounds
from ml.slides.phantom import truth_of
from ml.slides.phantom.drawing import Drawing
from tests.dicom_material import JPEG, cut, encode, optical_path, write_frames

WIDTH, HEIGHT, TILE, MPP = 2220, 2967, 240, 0.499
SEED = 7
LABEL, MACRO, THUMBNAIL = (387, 463), (1280, 431), (574, 768)
# Without this, tifffile states YCbCr for JPEG.
AS_RGB = {"level": 90, "outcolorspace": "RGB"}
# Values that a test of privacy looks for: each must be unlikely by chance.
HEADER = {
    "AppMag": "20",
    "ScanScope ID": "STANDIN42",
    "Filename": "StandIn-1",
    "Date": "02/30/19",
    "Time": "25:61:07",
    "User": "3d1c5c0a-phantom-user",
    "Parmset": "Phantom Sharpening",
    "MPP": f"{MPP:.4f}",
    "Left": "12.500000",
    "Top": "31.250000",
    "ImageID": "7654321",
}


def write_scan(folder: Path) -> None:
    """Write ``cmu-1-small-region.svs`` and the folder ``cmu-1-small-region-dicom``."""
    folder.mkdir(parents=True, exist_ok=True)
    truth = truth_of(WIDTH, HEIGHT, SEED, MPP)
    pixels = Drawing(truth.layout).draw(Bounds(0, 0, WIDTH, HEIGHT))
    thumbnail = np.asarray(Image.fromarray(pixels).resize(THUMBNAIL, Image.Resampling.BOX))
    label, macro = label_picture(), macro_picture(thumbnail)
    write_aperio(folder / "cmu-1-small-region.svs", pixels, thumbnail, label, macro)
    write_series(folder / "cmu-1-small-region-dicom", pixels, thumbnail, label, macro)


def label_picture() -> np.ndarray:
    picture = Image.new("RGB", LABEL, (250, 250, 246))
    pen = ImageDraw.Draw(picture)
    pen.text((40, 60), "Phantom 0001", fill=(20, 20, 20), font_size=40)
    for number, wide in enumerate((3, 7, 4, 9, 5, 8, 3, 6, 9, 4)):
        pen.rectangle((40 + 28 * number, 200, 40 + 28 * number + wide, 380), fill=(10, 10, 10))
    return np.asarray(picture)


def macro_picture(thumbnail: np.ndarray) -> np.ndarray:
    picture = Image.new("RGB", MACRO, (236, 238, 240))
    picture.paste(Image.fromarray(label_picture()).resize((360, 431)), (0, 0))
    picture.paste(Image.fromarray(thumbnail).resize((280, 374)), (700, 28))
    return np.asarray(picture)


def write_aperio(
    path: Path, pixels: np.ndarray, thumbnail: np.ndarray, label: np.ndarray, macro: np.ndarray
) -> None:
    """Write the pages in Aperio's order; the tiles hold RGB samples, as its JPEG/RGB does."""
    properties = "|".join(f"{name} = {value}" for name, value in HEADER.items())
    first = "Aperio Image Library v0.0.0 \r\n"
    frame = f"{WIDTH}x{HEIGHT} [0,0 {WIDTH}x{HEIGHT}] ({TILE}x{TILE}) JPEG/RGB Q=90"
    common = {"photometric": "rgb", "metadata": None, "software": False}
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(
            (encode(tile, JPEG, samples_are="RGB") for tile in cut(pixels, TILE)),
            shape=pixels.shape,
            dtype=np.uint8,
            compression="jpeg",
            compressionargs=AS_RGB,
            subsampling=(1, 1),
            tile=(TILE, TILE),
            description=f"{first}{frame}|{properties}",
            **common,
        )
        size = f"{WIDTH}x{HEIGHT} -> {THUMBNAIL[0]}x{THUMBNAIL[1]} - "
        for picture, text, kind in (
            (thumbnail, f"{size}|{properties}", 0),
            (label, f"label {LABEL[0]}x{LABEL[1]}", 1),
            (macro, f"macro {MACRO[0]}x{MACRO[1]}", 9),
        ):
            is_label = picture is label
            tiff.write(
                picture,
                compression="lzw" if is_label else "jpeg",
                compressionargs=None if is_label else AS_RGB,
                subsampling=None if is_label else (1, 1),
                predictor=is_label,
                rowsperstrip=16,
                subfiletype=kind,
                description=f"{first}{text}",
                **common,
            )


def write_series(
    folder: Path, pixels: np.ndarray, thumbnail: np.ndarray, label: np.ndarray, macro: np.ndarray
) -> None:
    """Write one instance for the scan and one for each further picture, of one series and study."""
    folder.mkdir()
    ids = {
        "series": generate_uid(),
        "StudyInstanceUID": generate_uid(),
        "FrameOfReferenceUID": generate_uid(),
    }
    frames = [encoded(tile) for tile in cut(pixels, TILE)]
    path = optical_path(0, "brightfield")
    path.ICCProfile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    common = {
        "photometric": "YBR_FULL_422",
        "syntax": JPEG,
        "OpticalPathSequence": Sequence([path]),
        "NumberOfOpticalPaths": 1,
        "ContainerIdentifier": "Phantom",
        **ids,
    }
    write_frames(
        folder / "1.dcm",
        frames,
        size=(WIDTH, HEIGHT),
        tile=TILE,
        SharedFunctionalGroupsSequence=pixel_measures(MPP / 1000),
        ImagedVolumeWidth=WIDTH * MPP / 1000,
        ImagedVolumeHeight=HEIGHT * MPP / 1000,
        ImagedVolumeDepth=0.5,
        **common,
    )
    for number, (kind, picture) in enumerate(
        (("LABEL", label), ("OVERVIEW", macro), ("THUMBNAIL", thumbnail)), start=2
    ):
        height, width = picture.shape[:2]
        millimetres = MPP / 1000 * WIDTH / width
        write_frames(
            folder / f"{number}.dcm",
            [encoded(picture)],
            size=(width, height),
            tile=TILE,
            Rows=height,
            Columns=width,
            ImageType=["ORIGINAL", "PRIMARY", kind, "NONE"],
            SharedFunctionalGroupsSequence=pixel_measures(millimetres),
            **common,
        )


def encoded(picture: np.ndarray) -> bytes:
    return simplejpeg.encode_jpeg(picture, quality=95, colorsubsampling="422")


def pixel_measures(millimetres: float) -> Sequence:
    measures, group = Dataset(), Dataset()
    measures.PixelSpacing = [round(millimetres, 12), round(millimetres, 12)]
    group.PixelMeasuresSequence = Sequence([measures])
    return Sequence([group])
