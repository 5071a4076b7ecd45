"""Harness of the benchmarks: figures with a baseline from the same run, printed and as JSON.

A benchmark is a function decorated with ``@bench("family")`` that yields ``Figure`` rows. Nothing
here asserts: figures are read by people and compared by their ratios.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number. ``baseline`` was measured in the same run; ``ratio`` is value / baseline."""

    name: str
    value: float
    unit: str
    baseline: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Return value / baseline, or None without a baseline."""
        return self.value / self.baseline if self.baseline else None


Benchmark = Callable[[], Iterator[Figure]]
_benchmarks: dict[str, Benchmark] = {}


def bench(family: str) -> Callable[[Benchmark], Benchmark]:
    """Register a benchmark. ``make bench ONLY=family`` runs it alone."""

    def register(function: Benchmark) -> Benchmark:
        _benchmarks[family] = function
        return function

    return register


def data_folder() -> Path:
    """Return the folder of real data; raises FileNotFoundError that names the variable."""
    folder = Path(os.environ.get("COVERSLIP_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        message = f"{folder} is not there: name the folder of real data with COVERSLIP_DATA"
        raise FileNotFoundError(message)
    return folder


def machine() -> str:
    """Return the processor's name and the number of cores that this process may use."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    return f"{name}, {len(os.sched_getaffinity(0))} cores"


def commit() -> str:
    """Return the measured commit, with a + when the tree differs from it."""
    git = ["git", "-C", str(ROOT)]
    head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    changed = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=False)
    return (head.stdout.strip() or "unknown") + ("+" if changed.stdout.strip() else "")


def load_benchmarks() -> dict[str, Benchmark]:
    """Import every module of this folder and return the registered benchmarks, by family."""
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem not in {"harness", "__init__", "__main__"}:
            importlib.import_module(f"tests.bench.{path.stem}")
    return dict(sorted(_benchmarks.items()))


def show(figure: Figure) -> None:
    """Print one row of the table and its JSON line."""
    baseline = "" if figure.baseline is None else f"{figure.baseline:>14,.4g}"
    ratio = "" if figure.ratio is None else f"{figure.ratio:>9.3g}x"
    print(
        f"{figure.name:<42}{figure.value:>14,.4g} {figure.unit:<12}{baseline:>14}{ratio:>10}  {figure.note}"
    )
    row = {**asdict(figure), "ratio": figure.ratio, "machine": machine(), "commit": commit()}
    row.pop("note")
    print(json.dumps(row), flush=True)


def main() -> int:
    """Run the chosen benchmarks; the exit code is non-zero when one of them failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--only", default="", help="families or prefixes, separated by commas")
    wanted = [name for name in parser.parse_args().only.split(",") if name]
    chosen = {
        family: function
        for family, function in load_benchmarks().items()
        if not wanted or any(f"{w}.".startswith(f"{family}.") or family.startswith(f"{w}.") for w in wanted)
    }
    if not chosen:
        print(f"no benchmark of that name; there are: {', '.join(sorted(_benchmarks))}", file=sys.stderr)
        return 2
    broken = 0
    print(f"{'figure':<42}{'value':>14} {'unit':<12}{'baseline':>14}{'ratio':>10}")
    for family, function in chosen.items():
        try:
            for figure in function():
                show(figure)
        except Exception as error:  # noqa: BLE001 - one broken benchmark must not hide the others
            broken += 1
            print(f"{family}: did not finish: {type(error).__name__}: {error}", file=sys.stderr)
    return 1 if broken else 0
