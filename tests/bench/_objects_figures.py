"""From the output of the benchmarks to the table and the plot of server/objects/README.md.

.venv/bin/python -m tests.bench --only objects,verdict > figures.txt
.venv/bin/python -m tests.bench._objects_figures figures.txt
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

from tests.bench.harness import ROOT

FOLDER = ROOT / "server" / "objects"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
SIZES = ("1e+04", "1e+05", "1e+06", "1e+07")
Show = Callable[[float], str]
ROWS: tuple[tuple[str, str, Show], ...] = (
    ("ingest, objects/s", "objects.{}.ingest", lambda v: f"{v:,.0f}"),
    ("size, MB", "objects.{}.bytes", lambda v: f"{v / 1e6:,.1f}"),
    ("peak of memory, MB", "objects.{}.memory", lambda v: f"{v / 1e6:,.0f}"),
    ("tile of shapes, p95, ms", "objects.{}.tile_p95", lambda v: f"{v:.1f}"),
    ("one verdict, p95, ms", "verdict.{}.one_p95", lambda v: f"{v:.1f}"),
    ("one verdict, half decided, p95, ms", "verdict.{}.one_half_decided_p95", lambda v: f"{v:.1f}"),
    ("bulk verdict, a million or a fifth, s", "verdict.{}.bulk", lambda v: f"{v:.2f}"),
    ("page of the queue, p95, ms", "verdict.{}.queue_p95", lambda v: f"{v:.1f}"),
)


def main() -> None:
    """Take the output's path from the command line."""
    lines = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.startswith("{")]
    found = {row["name"]: row for row in rows}
    _write_table(found, rows[0])
    _plot(found)


def _write_table(found: dict[str, Any], any_row: dict[str, Any]) -> None:
    path = FOLDER / "README.md"
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    head = ["| | 10,000 | 100,000 | 1 million | 5 million | 10 million |", "|---|---|---|---|---|---|"]
    columns = [*(f"growth.{size}" for size in SIZES[:3]), "", f"growth.{SIZES[3]}"]
    table = [f"| {title} | {' | '.join(_cells(found, name, columns, show))} |" for title, name, show in ROWS]
    said = f"Commit {any_row['commit']}, {any_row['machine']}."
    text = "\n".join([BEGIN, "", said, "", *head, *table, "", _rival(found), "", END])
    path.write_text(before + text + after, encoding="utf-8")


def _cells(found: dict[str, Any], name: str, columns: list[str], show: Show) -> list[str]:
    names = [name.format(column).replace("..", ".") for column in columns]
    return [show(found[key]["value"]) if key in found else "" for key in names]


def _rival(found: dict[str, Any]) -> str:
    def pair(name: str, scale: float, unit: str) -> str:
        row = found[f"objects.rival.{name}"]
        return f"{row['value'] / scale:,.3g} {unit} against {row['baseline'] / scale:,.3g} {unit}"

    return (
        "The same million polygons in SQLite with an R*Tree and WKB, in the same run: ingest "
        f"{pair('ingest', 1, 'objects/s')}, size {pair('bytes', 1e6, 'MB')}, a square of 512 pixels (p95) "
        f"{pair('near_p95', 1, 'ms')}, one of 8,192 pixels, exactly (p95) {pair('far_p95', 1, 'ms')}."
    )


def _plot(found: dict[str, Any]) -> None:
    mpl.rcParams["svg.fonttype"] = "none"
    mpl.rcParams["svg.hashsalt"] = "coverslip"
    panels = (
        ("size, MB", "objects.growth.{}.bytes", 1e-6),
        ("ingest, thousand/s", "objects.growth.{}.ingest", 1e-3),
        ("tile, p95 ms", "objects.growth.{}.tile_p95", 1),
        ("one verdict, p95 ms", "verdict.growth.{}.one_p95", 1),
    )
    figure, axes = plt.subplots(1, len(panels), figsize=(11, 2.6), layout="constrained")
    for axis, (title, name, scale) in zip(axes, panels, strict=True):
        known = [size for size in SIZES if name.format(size) in found]
        values = [found[name.format(size)]["value"] * scale for size in known]
        axis.loglog([float(size) for size in known], values, marker="o", color="#0072b2")
        axis.set(title=title, xlabel="objects")
        axis.grid(visible=True, alpha=0.3)
        axis.set_ylim(min(values) / 3, max(values) * 3)
    figure.savefig(FOLDER / "growth.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
