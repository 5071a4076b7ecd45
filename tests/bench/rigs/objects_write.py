"""Write one object set and read its tiles as the server does; print the costs as JSON."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path

import numpy as np

from ml.objectset import FlatObjects, ObjectSet, ObjectSetWriter
from tests.bench.rigs.objects_phantom import FAR, HEIGHT, LABELS, NEAR, WIDTH, batches, random_windows

TILES = 400


def main() -> None:
    """Take the number of objects and a folder from the command line."""
    count, folder = int(sys.argv[1]), Path(sys.argv[2])
    wall, cpu = _write(count, folder / "set")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    cells, shapes, cpu_shapes = _ask(folder / "set")
    files = ObjectSet(folder / "set")
    figures = {
        "ingest": count / wall,
        "cpu_ingest": count / cpu,
        "bytes": sum(path.stat().st_size for path in (folder / "set").iterdir()),
        "memory": peak,
        "tile_p95": float(np.percentile(shapes, 95)),
        "tile_cpu_p95": float(np.percentile(cpu_shapes, 95)),
        "cells_p95": float(np.percentile(cells, 95)) if cells else 0.0,
        "near_p95": _windows(files, NEAR),
        "far_p95": _windows(files, FAR),
    }
    print(json.dumps(figures))


def _write(count: int, folder: Path) -> tuple[float, float]:
    """Return elapsed seconds and processor seconds, without those of making the batches."""
    wall = cpu = 0.0
    writer = ObjectSetWriter(folder, LABELS, WIDTH, HEIGHT)
    for batch in batches(count):
        began = time.perf_counter(), time.process_time()
        writer.append(FlatObjects.from_arrow(batch))
        wall, cpu = wall + time.perf_counter() - began[0], cpu + time.process_time() - began[1]
    began = time.perf_counter(), time.process_time()
    writer.close()
    return wall + time.perf_counter() - began[0], cpu + time.process_time() - began[1]


def _windows(files: ObjectSet, side: int) -> float:
    """Return the 95th percentile of milliseconds for tiles of a size, as Arrow, not packed."""
    z = int(np.log2(files.manifest.tile0 / side))
    times = []
    for x, y in random_windows(side):
        began = time.perf_counter()
        files.tile(z, x // side, y // side)
        times.append((time.perf_counter() - began) * 1000)
    return float(np.percentile(times, 95))


def _ask(folder: Path) -> tuple[list[float], list[float], list[float]]:
    """Return milliseconds of tiles of cells and of shapes (elapsed, processor), compressed.

    As a browser gets them, none asked for twice.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "server.config.settings.testing")
    import django

    django.setup()
    from server.objects.tiles import pack

    files, random = ObjectSet(folder), np.random.default_rng(1)
    times: dict[bool, list[float]] = {True: [], False: []}
    spent: list[float] = []
    for z in range(files.manifest.levels + 1):
        across, down = (int(np.ceil(size / files.manifest.tile_side(z))) for size in (WIDTH, HEIGHT))
        chosen = random.permutation(across * down)[:TILES]
        for x, y in zip(chosen % across, chosen // across, strict=True):
            is_cells = files.place(z, int(x), int(y)).cells
            began, used = time.perf_counter(), time.process_time()
            pack(files.tile(z, int(x), int(y)), "zstd")
            times[is_cells].append((time.perf_counter() - began) * 1000)
            if not is_cells:
                spent.append((time.process_time() - used) * 1000)
    return times[True], times[False], spent


if __name__ == "__main__":
    main()
