"""Our own versions beside the libraries that do the same: the reasons why ours are kept, in figures.

The value is ours, the baseline the library's. Where results differ, the note states by how much.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec

import numpy as np
import torch
from scipy import stats
from skimage.feature import graycomatrix, local_binary_pattern
from sklearn.kernel_approximation import Nystroem
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel

from ml.evaluation.survival import log_rank
from ml.features.texture import GREYS, PATTERNS, binary_patterns, co_occurrence
from ml.networks.encoders import PatchNetwork
from ml.training import loop
from ml.training.kernel import LANDMARKS, fit_head
from server.exchange.formats.geojson_stream import stream_features
from tests.bench.harness import ROOT, Figure, bench

SIDE = 224
ROWS, COLUMNS = 3000, 243
SEED = 0


@bench("libraries")
def measure_libraries() -> Iterator[Figure]:
    """Compare each of our versions with its library."""
    yield from _texture()
    yield from _kernel()
    yield from _training()
    yield from _processes()
    yield from _survival()
    yield from _streaming()


def _seconds(function: Callable[[], object], repeats: int) -> float:
    """Return the seconds of a call, the least of three means."""
    function()
    means = []
    for _ in range(3):
        began = time.perf_counter()
        for _ in range(repeats):
            function()
        means.append((time.perf_counter() - began) / repeats)
    return min(means)


def _texture() -> Iterator[Figure]:
    image = np.random.default_rng(SEED).random((SIDE, SIDE)).astype(np.float32)
    pixels = np.rint(image * 255).astype(np.uint8)
    grey = np.clip(image * GREYS, 0, GREYS - 1).astype(np.uint8)
    angles = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]

    def patterns() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        codes = local_binary_pattern(pixels, 8, 1, method="uniform").astype(np.intp)
        return np.bincount(codes.ravel(), minlength=PATTERNS) / codes.size

    apart = float(np.abs(patterns() - binary_patterns(image)).max())
    yield Figure(
        "libraries.local_binary_patterns",
        _seconds(lambda: binary_patterns(image), 20) * 1000,
        "ms",
        _seconds(patterns, 20) * 1000,
        f"skimage interpolates diagonals: shares of patterns differ by up to {apart:.2f}",
    )
    yield Figure(
        "libraries.co_occurrence",
        _seconds(lambda: co_occurrence(image, 1.0, 2), 20) * 1000,
        "ms",
        _seconds(lambda: graycomatrix(grey, [2], angles, GREYS, symmetric=True), 20) * 1000,
        "skimage: the counts alone, without the six properties; its diagonals are one pixel long",
    )


def _kernel() -> Iterator[Figure]:
    random = np.random.default_rng(SEED)
    rows = random.normal(size=(ROWS, COLUMNS))
    targets = np.eye(2)[random.integers(0, 2, ROWS)]
    ones, units = np.ones(ROWS), np.arange(ROWS).astype(np.str_)
    head, _ = fit_head(rows, targets, ones, units, penalty=100.0, kernel="gaussian", seed=SEED)
    library = Nystroem(gamma=1 / COLUMNS, n_components=LANDMARKS, random_state=SEED).fit(rows)
    yield Figure(
        "libraries.nystroem",
        _seconds(lambda: head.lift(rows), 3) * 1000,
        "ms",
        _seconds(lambda: library.transform(rows), 3) * 1000,
        f"{ROWS} rows; ours is stored as plain arrays and weighs classes in its folds",
    )


def _training() -> Iterator[Figure]:
    network = PatchNetwork("efficientnet-b0", 2)
    mean = loop._Mean(network, 0.99)
    library = AveragedModel(network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99))
    library.update_parameters(network)
    yield Figure(
        "libraries.weight_average",
        _seconds(lambda: mean.follow(network, 1000), 5) * 1000,
        "ms",
        _seconds(lambda: library.update_parameters(network), 5) * 1000,
        "torch's leaves out statistics of batch normalisation, and its decay does not grow",
    )
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    optimizer.step()
    plan = loop.TrainingPlan(10, 100, 1.0, 1e-3, 5, "")
    scheduler = LambdaLR(optimizer, lambda done: 1 - done / 1e9)
    yield Figure(
        "libraries.schedule",
        _seconds(lambda: loop._set_rate(optimizer, plan, 500), 200) * 1e6,
        "µs",
        _seconds(scheduler.step, 200) * 1e6,
        "ours follows from the number of the step, so that a resumed run needs no state of a scheduler",
    )


def _processes() -> Iterator[Figure]:
    """Measure the mean of gradients over two processes, in a small process group."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    run = subprocess.run(
        [*command, "-m", "tests.bench.rigs.gradients"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    ours, library = (float(value) for value in run.stdout.split()[-2:])
    yield Figure(
        "libraries.gradients",
        ours * 1000,
        "ms",
        library * 1000,
        "a training step of two processes; DDP wraps one forward call, our losses call several",
    )


def _survival() -> Iterator[Figure]:
    random = np.random.default_rng(SEED)
    groups = [(random.exponential(scale, 500), random.random(500) < 0.7) for scale in (20.0, 30.0)]
    censored = [stats.CensoredData.right_censored(months, ~event) for months, event in groups]
    ours, theirs = log_rank(groups), stats.logrank(*censored)
    apart = abs(ours.p - float(theirs.pvalue))
    yield Figure(
        "libraries.log_rank",
        _seconds(lambda: log_rank(groups), 3) * 1000,
        "ms",
        _seconds(lambda: stats.logrank(*censored), 3) * 1000,
        f"SciPy's takes two groups, ours any number; p differs by {apart:.1g}",
    )


def _streaming() -> Iterator[Figure]:
    """Measure the stream of a GeoJSON collection; ijson where somebody has installed it."""
    square = {"type": "Polygon", "coordinates": [[[x, x + 0.5] for x in range(30)]]}
    feature = {"type": "Feature", "geometry": square, "properties": {"name": "a"}}
    content = json.dumps({"type": "FeatureCollection", "features": [feature] * 20_000}).encode()

    def ours() -> int:
        return sum(1 for _ in stream_features(lambda: io.BytesIO(content)))

    baseline = None
    if find_spec("ijson") is not None:
        import ijson

        baseline = _seconds(lambda: sum(1 for _ in ijson.items(io.BytesIO(content), "features.item")), 1)
    note = f"{len(content) / 1e6:.0f} MB; ijson reads one of the six layouts" + (
        "" if baseline else ", not installed"
    )
    yield Figure("libraries.json_stream", _seconds(ours, 1), "s", baseline, note)


def new_network() -> nn.Module:
    """Return the network of the measurement over two processes."""
    torch.manual_seed(SEED)
    return PatchNetwork("resnet18", 2)
