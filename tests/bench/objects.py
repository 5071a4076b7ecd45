"""Object sets from ten thousand to ten million objects, and the same million in SQLite with an R*Tree.

Every size is written by a process of its own, whose peak of memory is therefore its own. Polygons of
20 vertices come as GeoArrow record batches, which is where parsing has ended.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.harness import ROOT, Figure, bench

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
MAIN = 5_000_000
RIVAL = 1_000_000
AIMS = {"ingest": 300_000.0, "bytes": 5e8, "memory": 1e9, "tile_p95": 5.0}


@bench("objects")
def measure_objects() -> Iterator[Figure]:
    """Measure writing, size, memory and tiles, their growth, and the alternative design."""
    with tempfile.TemporaryDirectory(prefix="coverslip-bench-") as folder:
        main = in_own_process("objects_write", MAIN, folder)
        yield from _figures("objects", main, AIMS, f"{MAIN:,} polygons; baseline: the aim")
        grown = {}
        for size in SIZES:
            grown[size] = in_own_process("objects_write", size, folder)
            yield from _figures(f"objects.growth.{size:.0e}", grown[size], {}, f"{size:,} polygons")
        rival = in_own_process("objects_sqlite", RIVAL, folder)
    ours = grown[RIVAL]
    note = f"{RIVAL:,} polygons; baseline: SQLite, R*Tree and WKB"
    for name, unit in (("ingest", "objects/s"), ("bytes", "B"), ("near_p95", "ms"), ("far_p95", "ms")):
        yield Figure(f"objects.rival.{name}", ours[name], unit, rival[name], note)


def _figures(prefix: str, figures: dict[str, Any], aims: dict[str, float], note: str) -> Iterator[Figure]:
    units = {"ingest": "objects/s", "bytes": "B", "memory": "B", "tile_p95": "ms"}
    cpu = {
        "ingest": f"; {figures['cpu_ingest']:,.0f}/s of processor time",
        "tile_p95": f"; {figures['tile_cpu_p95']:.2g} ms of processor time",
    }
    for name, unit in units.items():
        yield Figure(f"{prefix}.{name}", figures[name], unit, aims.get(name), note + cpu.get(name, ""))
    if not aims:
        yield Figure(f"{prefix}.cells_p95", figures["cells_p95"], "ms", note="tiles of cells")


def in_own_process(module: str, count: int, folder: str, **environment: str) -> dict[str, Any]:
    """Return the last line that a module of ``rigs`` prints; its files are deleted."""
    place = Path(folder) / f"{module}-{count}"
    place.mkdir()
    try:
        done = subprocess.run(
            [sys.executable, "-m", f"tests.bench.rigs.{module}", str(count), str(place)],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    finally:
        shutil.rmtree(place, ignore_errors=True)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures
