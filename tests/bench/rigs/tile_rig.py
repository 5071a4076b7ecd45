"""Slides and servers for the benchmark of tiles.

``python -m tests.bench.rigs.tile_rig store FILE...`` puts files into the storage of ``COVERSLIP_HOME`` as an
import does and prints a JSON line for each: content hash, a grant, tile size, levels.
``... predict`` predicts over a slide again and again, as a worker does, until it is stopped; ``... examine
FILE`` does the same with the heavy part of an import.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openslide
import tifffile

from tests.bench.harness import ROOT, data_folder

START_SECONDS = 60
BUSY_NICENESS = 10


@dataclass(frozen=True)
class StoredSlide:
    """A slide in the storage. ``levels`` are (z, columns, rows); ``whole`` tiles have no edge."""

    path: Path
    sha256: str
    grant: str
    tile_size: int
    size: tuple[int, int]
    levels: list[tuple[int, int, int]]

    def places(self, z: int, *, whole: bool = True) -> list[tuple[int, int]]:
        """Return the tiles of a level in a shuffled order that is the same for all servers."""
        _, columns, rows = self.levels[z]
        side = self.tile_size << (len(self.levels) - 1 - z)
        tiles = [
            (x, y)
            for x in range(columns)
            for y in range(rows)
            if ((x + 1) * side <= self.size[0] and (y + 1) * side <= self.size[1]) == whole
        ]
        np.random.default_rng(0).shuffle(tiles)
        return [(int(x), int(y)) for x, y in tiles]

    def address(self, z: int, x: int, y: int) -> str:
        """Return the path of a tile of ours."""
        return f"/tiles/{self.sha256}/{z}/{x}/{y}.jpg?grant={self.grant}"


def tissue(width: int, height: int) -> np.ndarray:
    """Return real tissue of any size: the 8.6 mm² of the Aperio slide, repeated."""
    with openslide.OpenSlide(data_folder() / "slides/cmu-1-small-region.svs") as slide:
        piece = np.asarray(slide.read_region((0, 0), 0, (2048, 2816)).convert("RGB"))
    repeats = (-(-height // piece.shape[0]), -(-width // piece.shape[1]), 1)
    return np.tile(piece, repeats)[:height, :width]


def write_slides(folder: Path, side: int) -> tuple[Path, Path]:
    """Write a pyramidal JPEG TIFF of ``side`` pixels a side, and a JPEG2000 file as Aperio makes them."""
    pixels = tissue(side, side)
    jpeg, jpeg2000 = folder / "jpeg.tif", folder / "jpeg2000.svs"
    options = {"tile": (256, 256), "photometric": "rgb", "compression": "jpeg", "metadata": None}
    with tifffile.TiffWriter(jpeg) as tiff:
        tiff.write(pixels, compressionargs={"level": 80}, subsampling=(2, 2), **options)
        for step in (4, 16):
            small = pixels[: side // step * step, : side // step * step]
            small = (
                small.reshape(side // step, step, side // step, step, 3).mean(axis=(1, 3)).astype(np.uint8)
            )
            tiff.write(small, subfiletype=1, compressionargs={"level": 80}, subsampling=(2, 2), **options)
    tifffile.imwrite(
        jpeg2000, pixels[:2048, :2048], tile=(256, 256), photometric="rgb", compression=33005, metadata=None,
        compressionargs={"level": 40}, description="Aperio Image Library v1\r\nbench|AppMag = 20|MPP = 0.499",
    )  # fmt: skip
    return jpeg, jpeg2000


def store_slides(home: Path, files: list[Path]) -> list[StoredSlide]:
    """Put files into a storage, in a process that has Django."""
    command = [sys.executable, "-m", "tests.bench.rigs.tile_rig", "store", *(str(file) for file in files)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(home), capture_output=True, text=True, check=True
    )
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [
        StoredSlide(
            file, row["sha256"], row["grant"], row["tile_size"], tuple(row["size"]), row["levels"]
        )
        for file, row in zip(files, rows, strict=True)
    ]  # fmt: skip


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return the environment of a process of an installation in ``home``."""
    settings = {"COVERSLIP_HOME": str(home), "DJANGO_SETTINGS_MODULE": "server.config.settings.development"}
    return {**os.environ, "PYTHONPATH": str(ROOT), **settings, **more}


def free_port() -> int:
    """Return an unused port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], env: dict[str, str], port: int | None = None) -> Iterator[None]:
    """Run a process for the length of the block, once it answers on its port."""
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        while port is not None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None or time.monotonic() > deadline:
                message = f"{command[:4]} did not start"
                raise RuntimeError(message)
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def coverslip(home: Path, *, cache: int) -> Iterator[int]:
    """Run the whole ASGI application under uvicorn with one worker, as ``make run`` does; yield its port."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "server.config.asgi:application", "--port", str(port)]
    command += ["--log-level", "warning", "--no-access-log"]
    with running(command, environment(home, TILE_CACHE_BYTES=str(cache)), port):
        yield port


@contextmanager
def deepzoom(slide: StoredSlide) -> Iterator[int]:
    """Run the peer; yield its port."""
    port = free_port()
    arguments = [str(slide.path), str(port), str(slide.tile_size)]
    with running(
        [sys.executable, "-m", "tests.bench.rigs.deepzoom_peer", *arguments], dict(os.environ), port
    ):
        yield port


@contextmanager
def busy(home: Path, slide: StoredSlide) -> Iterator[None]:
    """Run an import and a prediction, at the priority of workers."""
    rig = ["nice", "-n", str(BUSY_NICENESS), sys.executable, "-m", "tests.bench.rigs.tile_rig"]
    env = environment(home, OMP_NUM_THREADS="1")
    with running([*rig, "examine", str(slide.path)], env), running([*rig, "predict"], env):
        # Both have something to load before they compute.
        time.sleep(8)
        yield


def _store(files: list[str]) -> None:
    import django

    django.setup()
    from server.slides.imports.examine import examine
    from server.slides.imports.manifest import load_manifest
    from server.slides.imports.steps import _store as store
    from server.slides.imports.steps import hash_files
    from server.slides.tiles.grants import issue_grant

    for name in files:
        path = Path(name)
        sha256 = hash_files([path], lambda _share: None)
        with tempfile.TemporaryDirectory() as scratch:
            facts, _ = examine(path, Path(scratch), lambda: None)
            store(sha256, {path.name: path}, path.name, facts, Path(scratch))
        pyramid = load_manifest(sha256).pyramid
        row = {
            "sha256": sha256,
            "grant": issue_grant(sha256)[0],
            "tile_size": pyramid.tile_size,
            "size": [pyramid.width, pyramid.height],
            "levels": [(level.z, level.columns, level.rows) for level in pyramid.levels],
        }
        print(json.dumps(row), flush=True)


def _examine(path: str) -> None:
    while True:
        with tempfile.TemporaryDirectory() as scratch:
            command = [sys.executable, "-m", "server.slides.imports.examine", path, scratch]
            subprocess.run(command, cwd=ROOT, check=True)


def _predict() -> None:
    from ml.contracts import Context
    from ml.data import load_dataset, split_dataset
    from ml.methods.loading import load_recipe_class
    from ml.slides import open_slide

    dataset = split_dataset(load_dataset(data_folder() / "tiles/colorectal"), 0, {"train": 1.0})
    few = dataset.images[:12] + dataset.images[-12:]
    dataset = type(dataset)(("adenocarcinoma", "serrated"), images=few, parts=dataset.parts)
    recipe = load_recipe_class("descriptors").build(dataset.labels, {})
    number = 0
    while True:
        with (
            tempfile.TemporaryDirectory() as scratch,
            open_slide(data_folder() / "slides/colorectal-mosaic.tif") as slide,
        ):
            # A folder of its own each time, so that no stored features make the work lighter.
            context = Context(number, Path(scratch), features=Path(scratch) / "features")
            if number == 0:
                recipe.fit(dataset, context)
            list(recipe.predict(slide, context))
            number += 1


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["store", *files]:
            _store(files)
        case ["examine", path]:
            _examine(path)
        case ["predict"]:
            _predict()
