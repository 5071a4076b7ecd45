"""Tables and plots of server/objects and frontend, from the output of the benchmarks.

.venv/bin/python -m tests.bench --only objects,verdict,render > figures.txt
.venv/bin/python -m tests.bench.rigs.objects_figures figures.txt
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
FRONTEND = ROOT / "frontend"
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
    ("frame of panning, shapes, ms", "render.{}.frame", lambda v: f"{v:.0f}"),
    ("page of the queue, p95, ms", "verdict.{}.queue_p95", lambda v: f"{v:.1f}"),
)


def main() -> None:
    """Read the output's path from the command line and write tables and plots."""
    mpl.rcParams["svg.fonttype"] = "none"
    mpl.rcParams["svg.hashsalt"] = "coverslip"
    lines = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.startswith("{")]
    figures = {row["name"]: row for row in rows}
    if "objects.ingest" in figures:
        _write(FOLDER, _table(figures))
        _plot(figures)
    if any(name.startswith("render.") for name in figures):
        _write(FRONTEND, _frames(rows))
        _plot_frames(figures)


def _write(folder: Path, lines: list[str]) -> None:
    path = folder / "README.md"
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    text = "\n".join([BEGIN, "", *lines, "", END])
    path.write_text(before + text + rest.partition(END)[2], encoding="utf-8")


def _said(row: dict[str, Any]) -> str:
    return f"Commit {row['commit']}, {row['machine']}."


def _table(figures: dict[str, Any]) -> list[str]:
    head = ["| | 10,000 | 100,000 | 1 million | 5 million | 10 million |", "|---|---|---|---|---|---|"]
    columns = [*(f"growth.{size}" for size in SIZES[:3]), "", f"growth.{SIZES[3]}"]
    cells = [(title, _cells(figures, name, columns, show)) for title, name, show in ROWS]
    table = [f"| {title} | {' | '.join(values)} |" for title, values in cells if any(values)]
    return [_said(figures["objects.ingest"]), "", *head, *table, "", _rival(figures)]


def _frames(rows: list[dict[str, Any]]) -> list[str]:
    """Return every figure of the family with its baseline."""
    own = [row for row in rows if row["name"].startswith("render.")]
    head = ["| figure | | beside | ratio |", "|---|---|---|---|"]
    table = [
        f"| `{row['name']}` | {row['value']:.3g} {row['unit']} | "
        + (f"{row['baseline']:.3g} {row['unit']} | {row['ratio']:.2f} |" if row["baseline"] else "| |")
        for row in own
    ]
    plot = "![Frame cost by number of objects, and of annotations beside Annotorious](frames.svg)"
    return [_said(own[0]), "", *head, *table, "", plot]


def _cells(figures: dict[str, Any], name: str, columns: list[str], show: Show) -> list[str]:
    names = [name.format(column).replace("..", ".") for column in columns]
    return [show(figures[key]["value"]) if key in figures else "" for key in names]


def _rival(figures: dict[str, Any]) -> str:
    def pair(name: str, scale: float, unit: str) -> str:
        row = figures[f"objects.rival.{name}"]
        return f"{row['value'] / scale:,.3g} {unit} against {row['baseline'] / scale:,.3g} {unit}"

    return (
        "The same million polygons in SQLite with an R*Tree and WKB, in the same run: ingest "
        f"{pair('ingest', 1, 'objects/s')}, size {pair('bytes', 1e6, 'MB')}, a square of 512 pixels (p95) "
        f"{pair('near_p95', 1, 'ms')}, one of 8,192 pixels, exactly (p95) {pair('far_p95', 1, 'ms')}."
    )


def _plot(figures: dict[str, Any]) -> None:
    panels = (
        ("size, MB", "objects.growth.{}.bytes", 1e-6),
        ("ingest, thousand/s", "objects.growth.{}.ingest", 1e-3),
        ("tile, p95 ms", "objects.growth.{}.tile_p95", 1),
        ("one verdict, p95 ms", "verdict.growth.{}.one_p95", 1),
        ("frame of panning, ms", "render.growth.{}.frame", 1),
    )
    figure, axes = plt.subplots(1, len(panels), figsize=(13, 2.6), layout="constrained")
    for axis, (title, name, scale) in zip(axes, panels, strict=True):
        known = [size for size in SIZES if name.format(size) in figures]
        if not known:
            axis.remove()
            continue
        values = [figures[name.format(size)]["value"] * scale for size in known]
        axis.loglog([float(size) for size in known], values, marker="o", color="#0072b2")
        axis.set(title=title, xlabel="objects")
        axis.grid(visible=True, alpha=0.3)
        axis.set_ylim(min(values) / 3, max(values) * 3)
    figure.savefig(FOLDER / "growth.svg", metadata={"Date": None})


def _plot_frames(figures: dict[str, Any]) -> None:
    """Frame cost by the number of objects, and by the number of annotations beside the peer."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    left.plot(*_points(figures, [f"render.growth.{size}.frame" for size in SIZES], "value"), marker="o")
    left.set(title="suggestions, shapes from near", xlabel="objects", ylabel="frame, ms")
    for zoom, line in (("far", "-"), ("near", "--")):
        names = [name for name in figures if name.startswith("render.annotorious.") and name.endswith(zoom)]
        for key, who, colour in (("value", "Coverslip", "#0072b2"), ("baseline", "Annotorious", "#d55e00")):
            points = _points(figures, names, key)
            right.plot(*points, line, marker="o", color=colour, label=f"{who}, {zoom}")
    right.set(title="annotations by hand", xlabel="annotations")
    right.set_yscale("log")
    right.legend(fontsize=8)
    for axis in (left, right):
        axis.set_xscale("log")
        axis.grid(visible=True, alpha=0.3)
    left.set_ylim(bottom=0)
    figure.savefig(FRONTEND / "frames.svg", metadata={"Date": None})


def _points(figures: dict[str, Any], names: list[str], key: str) -> tuple[list[float], list[float]]:
    """Return the numbers in the third part of the names, and the figures."""
    known = [name for name in names if name in figures]
    return [float(name.split(".")[2]) for name in known], [figures[name][key] for name in known]


if __name__ == "__main__":
    main()
