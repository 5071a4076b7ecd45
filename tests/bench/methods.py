"""Figures of the best recipes on real crops within ten minutes of two cores, features included."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ml.contracts import Context
from tests.bench.harness import Figure, bench
from tests.bench.learn import COLORECTAL, SEED, nuclei, tiles

BUDGET = 600.0


@bench("methods")
def measure_methods() -> Iterator[Figure]:
    """Measure three classes of tiles, and nuclei of two collections."""
    with tempfile.TemporaryDirectory() as folder:
        context = Context(SEED, Path(folder) / "scratch", features=Path(folder) / "features")
        began = time.perf_counter()
        colorectal = list(tiles("methods.colorectal", context, COLORECTAL, 420))
        spent = time.perf_counter() - began
    yield Figure(
        "methods.colorectal.time", spent, "s", BUDGET, "descriptors and the baseline; baseline: the budget"
    )
    yield from colorectal
    yield from nuclei("methods.dsb2018", "dsb2018", 28)
    yield from nuclei("methods.nuinsseg", "nuinsseg", 11)
