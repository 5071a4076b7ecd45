"""One small good file of each format, and its mutations."""

from __future__ import annotations

import io
import json
import random
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
import tifffile
from PIL import Image
from safetensors.numpy import save

from tests.dicom_material import tissue, write_colour

SIDE: Final = 192
_MIRAX_ID: Final = "0123"
# Bytes that break counts, offsets and lengths.
_EXTREMES: Final = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\x01\0\0\0")

# Words that break numbers, names and nesting; most changes of single bytes only end the syntax of a text.
_WORD: Final = re.compile(rb'"[^"]*"|[-+.\w]+')
_WORDS: Final = (
    b"0", b"-1", b"1e308", b"1e999", b"NaN", b"-Infinity", b"9" * 5000, b"2147483648", b"null", b"true",
    b'""', b'"\\ud800"', b"[]", b"{}", b"[" * 3000, b'{"a":' * 3000, b"", b"x", b"../../x", b"&a;",
)  # fmt: skip
_SHARE_OF_WORDS: Final = 0.7


def _picture() -> np.ndarray:
    return tissue(SIDE, SIDE)


def _tiff(folder: Path) -> None:
    tifffile.imwrite(folder / "a.tif", _picture(), tile=(64, 64), photometric="rgb", compression="zlib")


def _ome_tiff(folder: Path) -> None:
    planes = np.stack([_picture()[..., 0], _picture()[..., 1]])
    names = {"axes": "CYX", "Channel": {"Name": ["DAPI", "FITC"]}, "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
    tifffile.imwrite(folder / "a.ome.tif", planes, tile=(64, 64), metadata=names)


def _svs(folder: Path) -> None:
    text = f"Aperio Image Library v12\n{SIDE}x{SIDE} (256x256) JPEG/RGB Q=70|AppMag = 20|MPP = 0.5"
    options = {"tile": (64, 64), "photometric": "ycbcr", "compression": "jpeg", "metadata": None}
    tifffile.imwrite(folder / "a.svs", _picture(), description=text, **options)


def _dicom(folder: Path) -> None:
    write_colour(folder / "a.dcm", _picture(), tile=64)


def _mirax(folder: Path) -> None:
    """Write nine JPEG images, and the index that lists each with its place."""
    lines = [
        "[GENERAL]", f"SLIDE_ID = {_MIRAX_ID}", "IMAGENUMBER_X = 3", "IMAGENUMBER_Y = 3",
        "OBJECTIVE_MAGNIFICATION = 20", "CameraImageDivisionsPerSide = 1", "[HIERARCHICAL]",
        "HIER_COUNT = 1", "NONHIER_COUNT = 0",
        "INDEXFILE = Index.dat", "HIER_0_NAME = Slide zoom level", "HIER_0_COUNT = 1",
        "HIER_0_VAL_0_SECTION = LAYER_0", "[DATAFILE]", "FILE_COUNT = 1", "FILE_0 = Data0000.dat",
        "[LAYER_0]", "OVERLAP_X = 0", "OVERLAP_Y = 0", "IMAGE_FORMAT = JPEG", "DIGITIZER_WIDTH = 64",
        "DIGITIZER_HEIGHT = 64", "MICROMETER_PER_PIXEL_X = 0.5", "MICROMETER_PER_PIXEL_Y = 0.5",
        "IMAGE_FILL_COLOR_BGR = 16777215", "IMAGE_CONCAT_FACTOR = 0",
    ]  # fmt: skip
    picture = Image.fromarray(_picture())
    images, entries = b"", []
    for number in range(9):
        top, left = 64 * (number // 3), 64 * (number % 3)
        sink = io.BytesIO()
        picture.crop((left, top, left + 64, top + 64)).save(sink, "jpeg")
        entries.append((number, len(images), len(sink.getvalue()), 0))
        images += sink.getvalue()
    head = b"01.02" + _MIRAX_ID.encode()
    level = len(head) + 8
    numbers = [
        level,
        0,
        level + 4,
        0,
        level + 12,
        len(entries),
        0,
        *(value for row in entries for value in row),
    ]
    (folder / "a").mkdir()
    (folder / "a" / "Slidedat.ini").write_text("\n".join(lines))
    (folder / "a" / "Index.dat").write_bytes(head + struct.pack(f"<{len(numbers)}i", *numbers))
    (folder / "a" / "Data0000.dat").write_bytes(images)
    (folder / "a.mrxs").write_bytes(b"\xff\xd8\xff")


def _feature(number: int) -> dict:
    ring = [[10 * number, 0], [10 * number + 8, 1], [10 * number + 7, 9], [10 * number, 0]]
    return {
        "type": "Feature", "id": str(number), "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"classification": {"name": "Tumour", "color": [1, 2, 3]}, "measurements": {"Area": 3}},
    }  # fmt: skip


def _geojson(folder: Path) -> None:
    features = [_feature(number) for number in range(5)]
    (folder / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))


def _xml(folder: Path) -> None:
    corners = "".join(f'<Coordinate Order="{n}" X="{n * n}" Y="{n * 3}" />' for n in range(6))
    rows = "".join(
        f'<Annotation Name="a" Type="Polygon" PartOfGroup="{group}"><Coordinates>{corners}</Coordinates>'
        "</Annotation>"
        for group in ("Tumor", "Exclusion", "None")
    )
    text = f"<?xml version='1.0'?><ASAP_Annotations><Annotations>{rows}</Annotations></ASAP_Annotations>"
    (folder / "a.xml").write_text(text)


def _parquet(folder: Path) -> None:
    shapes = shapely.to_wkb([shapely.box(n, n, n + 5, n + 6) for n in range(50)])
    table = {"geometry": list(shapes), "class": ["a", "b"] * 25, "score": np.linspace(0, 1, 50)}
    pq.write_table(pa.table(table), folder / "a.parquet", row_group_size=20)


def _safetensors(folder: Path) -> None:
    (folder / "a.safetensors").write_bytes(
        save({"w": np.zeros((2, 3), np.float32), "b": np.ones(2, np.int64)})
    )


def _image(name: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        sink = io.BytesIO()
        Image.fromarray(_picture()).save(sink, Path(name).suffix.strip("."))
        (folder / name).write_bytes(sink.getvalue())

    return write


# Format: the file that is mutated, and what writes it.
FORMATS: Final[dict[str, tuple[str, Callable[[Path], None]]]] = {
    "tiff": ("a.tif", _tiff),
    "ome-tiff": ("a.ome.tif", _ome_tiff),
    "svs": ("a.svs", _svs),
    "dicom": ("a.dcm", _dicom),
    "mirax": ("a/Slidedat.ini", _mirax),
    "mirax-index": ("a/Index.dat", _mirax),
    "geojson": ("a.geojson", _geojson),
    "xml": ("a.xml", _xml),
    "parquet": ("a.parquet", _parquet),
    "safetensors": ("a.safetensors", _safetensors),
    "png": ("a.png", _image("a.png")),
    "jpeg": ("a.jpeg", _image("a.jpeg")),
}


def mutate(content: bytes, chance: random.Random) -> bytes:
    """Return a content with one to three changes: of bytes, mostly in the header, and of words in a text."""
    changed = bytearray(content)
    is_text = content.isascii() and b"\0" not in content
    for _ in range(chance.choice((1, 1, 2, 3))):
        if is_text and chance.random() < _SHARE_OF_WORDS:
            _mutate_word(changed, chance)
        else:
            _mutate_bytes(changed, chance)
    return bytes(changed)


def _mutate_word(changed: bytearray, chance: random.Random) -> None:
    """Replace a number, name or quoted text, so that the syntax mostly stays."""
    words = list(_WORD.finditer(changed))
    if words:
        word = chance.choice(words)
        changed[word.start() : word.end()] = chance.choice((*_WORDS, chance.choice(words)[0], word[0] * 2))


def _mutate_bytes(changed: bytearray, chance: random.Random) -> None:
    reach = len(changed) if chance.random() < 0.5 else min(len(changed), 512)
    at = chance.randrange(max(1, reach))
    kind = chance.randrange(5)
    if kind == 0:
        changed[at : at + 1] = bytes([chance.randrange(256)])
    elif kind == 1:
        changed[at : at + 4] = chance.choice(_EXTREMES)
    elif kind == 2:
        del changed[at : at + chance.randint(1, 64)]
    elif kind == 3:
        changed[at:at] = changed[at : at + chance.randint(1, 64)]
    else:
        del changed[max(1, len(changed) - chance.randrange(max(1, len(changed) // 4))) :]
