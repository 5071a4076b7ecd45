"""Slides for the tests of tiles: stored as an import stores them, without a database."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tifffile
from PIL import ImageCms


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def ask(application, path: str, *, method: str = "GET", headers: dict[str, str] | None = None) -> Answer:
    """Send one request to a bare ASGI application."""
    return asyncio.run(ask_async(application, path, method=method, headers=headers))


async def ask_async(application, path: str, *, method: str = "GET", headers=None) -> Answer:
    path, _, query = path.partition("?")
    sent = []

    async def send(message):
        sent.append(message)

    pairs = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    scope = {
        "type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": pairs,
    }  # fmt: skip
    await application(scope, None, send)
    start, *rest = sent
    told = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], told, b"".join(message["body"] for message in rest))


def store(path: Path, folder: Path):
    """Store a file under its content hash as an import does; return its manifest."""
    from ml.slides.files.stacks import find_stack
    from server.slides.imports.examine import draw_overview
    from server.slides.imports.manifest import load_manifest
    from server.slides.imports.reading import read_facts
    from server.slides.imports.steps import _store, hash_files

    folder.mkdir()
    facts = replace(read_facts(path), stack=find_stack(path))
    draw_overview(path, facts, folder)
    sha256 = hash_files([path], lambda _share: None)
    _store(sha256, {path.name: path}, path.name, facts, folder)
    return load_manifest(sha256)


def colourful(height: int, width: int) -> np.ndarray:
    """Return smooth, saturated colours that differ from place to place."""
    y, x = np.mgrid[:height, :width]
    channels = [127 + 120 * np.sin(x / 70), 127 + 120 * np.cos(y / 50), 127 + 120 * np.sin((x + y) / 90 + 1)]
    return np.stack(channels, axis=-1).astype(np.uint8)


def write_jpeg_tiff(path: Path, pixels: np.ndarray, *, photometric: str, profile: bytes | None = None):
    """Write a tiled JPEG TIFF whose stored colours are RGB or YCbCr (subsampled)."""
    options = {"level": 92} | ({"outcolorspace": "RGB"} if photometric == "rgb" else {})
    tifffile.imwrite(
        path, pixels, tile=(256, 256), photometric="rgb", compression="jpeg", compressionargs=options,
        iccprofile=profile, metadata=None, subsampling=(1, 1) if photometric == "rgb" else (2, 2),
    )  # fmt: skip
    with tifffile.TiffFile(path) as tiff:
        assert tiff.pages[0].photometric.name == photometric.upper()


def other_profile() -> bytes:
    """Return an RGB profile that is far from sRGB: ProPhoto-like primaries with a gamma of 1."""
    return _matrix_profile(gamma=1.0)


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _matrix_profile(gamma: float) -> bytes:
    """Write a version 2 display profile with sRGB primaries and another tone curve."""
    import struct

    def fixed(number: float) -> bytes:
        return struct.pack(">i", round(number * 65536))

    def xyz(*numbers: float) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(fixed(number) for number in numbers)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    text = b"linear\0"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78 + 1)
    tags = {
        b"desc": description,
        b"wtpt": xyz(0.9642, 1.0, 0.8249),
        b"rXYZ": xyz(0.4361, 0.2225, 0.0139),
        b"gXYZ": xyz(0.3851, 0.7169, 0.0971),
        b"bXYZ": xyz(0.1431, 0.0606, 0.7142),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
        b"cprt": b"text\0\0\0\0none\0",
    }
    table, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">II", start + len(data), len(value))
        data += value
    header = bytearray(128)
    header[0:4] = struct.pack(">I", start + len(data))
    header[8:12] = b"\x02\x10\0\0"
    header[12:24] = b"mntrRGB XYZ "
    header[36:40] = b"acsp"
    header[68:80] = fixed(0.9642) + fixed(1.0) + fixed(0.8249)
    return bytes(header) + table + data
