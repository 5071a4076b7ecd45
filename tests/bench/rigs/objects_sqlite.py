"""The same polygons in the design of TIAToolbox's annotation store: SQLite, an R*Tree, WKB, JSON properties.

Small and fair: rows go in by large batches in one transaction, without waiting for the disk; geometry is
not compressed; asking for a tile reads rows by the R*Tree and decodes them at once.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from pathlib import Path

import numpy as np
import shapely

from ml.objectset import FlatObjects
from tests.bench.rigs.objects_phantom import FAR, LABELS, NEAR, VERTICES, batches, random_windows

TABLES = """
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
CREATE TABLE annotations
    (id INTEGER PRIMARY KEY, cx REAL, cy REAL, geometry BLOB, properties TEXT, area REAL);
CREATE VIRTUAL TABLE rtree USING rtree(id, min_x, max_x, min_y, max_y);
"""
INSIDE = """
SELECT annotations.id, geometry, properties FROM annotations, rtree
WHERE annotations.id = rtree.id AND max_x >= ? AND min_x <= ? AND max_y >= ? AND min_y <= ?
"""


def main() -> None:
    """Take the number of objects and a folder from the command line; print the figures as JSON."""
    count, path = int(sys.argv[1]), Path(sys.argv[2]) / "store.db"
    store = sqlite3.connect(path)
    store.executescript(TABLES)
    spent, done = 0.0, 0
    for batch in batches(count):
        flat = FlatObjects.from_arrow(batch)
        shapes = shapely.polygons(flat.coordinates.reshape(-1, VERTICES + 1, 2).astype(np.float64))
        began = time.perf_counter()
        _insert(store, shapes, flat, done)
        spent += time.perf_counter() - began
        done += len(flat)
    began = time.perf_counter()
    store.commit()
    spent += time.perf_counter() - began
    figures = {"ingest": count / spent, "bytes": path.stat().st_size}
    for name, side, turns in (("near_p95", NEAR, 300), ("far_p95", FAR, 20)):
        figures[name] = _ask(store, side, turns)
    print(json.dumps(figures))


def _insert(store: sqlite3.Connection, shapes: np.ndarray, flat: FlatObjects, first: int) -> None:
    ids = range(first, first + len(flat))
    centres = shapely.get_coordinates(shapely.centroid(shapes)).tolist()
    areas, bounds = shapely.area(shapes).tolist(), shapely.bounds(shapes)[:, [0, 2, 1, 3]].tolist()
    told = [
        f'{{"type": "{LABELS[label]}", "score": {score:.6f}, "uncertainty": {doubt:.6f}}}'
        for label, score, doubt in zip(flat.label, flat.score, flat.uncertainty, strict=True)
    ]
    rows = zip(ids, centres, shapely.to_wkb(shapes), told, areas, strict=True)
    store.executemany(
        "INSERT INTO annotations VALUES (?, ?, ?, ?, ?, ?)",
        ((number, *centre, wkb, words, area) for number, centre, wkb, words, area in rows),
    )
    store.executemany(
        "INSERT INTO rtree VALUES (?, ?, ?, ?, ?)",
        ((number, *box) for number, box in zip(ids, bounds, strict=True)),
    )


def _ask(store: sqlite3.Connection, side: int, turns: int) -> float:
    """Return the 95th percentile of milliseconds to read all objects that intersect a square."""
    times = []
    for x, y in random_windows(side, turns):
        began = time.perf_counter()
        rows = store.execute(INSIDE, (x, x + side, y, y + side)).fetchall()
        shapely.from_wkb([row[1] for row in rows])
        [json.loads(row[2]) for row in rows]
        times.append((time.perf_counter() - began) * 1000)
    return float(np.percentile(times, 95))


if __name__ == "__main__":
    main()
