"""Object sets on disk: exact, whole, in one order, and in bounded memory."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Point, Polygon, box

from ml.contracts import Objects
from ml.objectset import FlatObjects, Limits, ObjectSet, ObjectSetWriter
from ml.objectset.cells import Square, cell_of, count_cells
from tests.ml.materials.shapes import polygons

LABELS = ["tumour", "stroma", "other"]
WIDTH, HEIGHT = 9000, 7000
EXACT = 1 / 16 + 1e-3


def objects(shapes, seed=0):
    random = np.random.default_rng(seed)
    count = len(shapes)
    geometry = np.empty(count, dtype=object)
    geometry[:] = shapes
    numbers = random.random((2, count), dtype=np.float32)
    return Objects(geometry, random.integers(0, 3, count).astype(np.int16), *numbers)


def written(folder, *batches, **options):
    with ObjectSetWriter(folder / "set", LABELS, WIDTH, HEIGHT, **options) as writer:
        for batch in batches:
            writer.append(batch)
    return ObjectSet(folder / "set")


def opened(content):
    reader = pa.ipc.open_stream(content)
    return {key.decode(): value.decode() for key, value in (reader.schema.metadata or {}).items()}, (
        reader.read_all()
    )


def tile_of(files, z, x, y, limits=None):
    told, table = opened(files.tile(z, x, y, limits))
    return told, {name: table[name].to_numpy() for name in table.column_names if name not in NESTED}, table


NESTED = ("geometry", "rings", "parts")
RING = Polygon([(100, 100), (180, 110), (170, 190), (105, 180)], [[(120, 120), (150, 125), (140, 150)]])
ISLANDS = MultiPolygon([RING, box(300, 300, 340.5, 350.25)])
LONG = Polygon(
    [(50, 50), (6000.125, 80), (5900, 5000), (60, 4900)], [[(1000, 1000), (1100, 1000), (1050, 1200)]]
)


def test_every_kind_of_shape_comes_back(tmp_path):
    shapes = [Point(4000.5, 300.25), RING, ISLANDS, LONG, box(8000, 6000, 8032, 6032), Point(10, 10)]
    batch = objects(shapes)
    files = written(tmp_path, batch)
    back = files.geometries(np.arange(files.manifest.count))
    for shape, score in zip(shapes, batch.score, strict=True):
        [index] = np.flatnonzero(files.columns()["score"] == score)
        assert back[index].geom_type == shape.geom_type
        assert shapely.hausdorff_distance(back[index], shape) < EXACT
        assert len(shapely.get_rings(back[index])) == len(shapely.get_rings(shape))
        area = float(files.columns()["area"][index])
        assert area == pytest.approx(shape.area, rel=0.02)
        place = files.points(np.array([index]))[0]
        assert np.hypot(*(place - shapely.get_coordinates(shape.centroid)[0])) < 0.2
    assert files.manifest.long == 1
    # In any order, and one for several numbers.
    twice = files.geometries(np.array([3, 0, 3]))
    assert twice[0].equals(back[3])
    assert twice[1].equals(back[0])


def test_another_program_reads_the_files_by_their_description(tmp_path):
    """Plain Arrow and the words of the README are enough."""
    files = written(tmp_path, objects([RING]))
    numbers = pa.ipc.open_file(tmp_path / "set/objects.arrow").read_all().to_pylist()[0]
    shape = pa.ipc.open_file(tmp_path / "set/shapes.arrow").read_all().to_pylist()[0]
    x, y, vertices = numbers["x"], numbers["y"], []
    for dx, dy in zip(shape["geometry"][::2], shape["geometry"][1::2], strict=True):
        x, y = x + dx, y + dy
        vertices.append((x / files.manifest.scale, y / files.manifest.scale))
    assert (shape["rings"], shape["parts"]) == ([4, 3], [])
    assert Polygon(vertices[:4], [vertices[4:]]).hausdorff_distance(RING) < EXACT
    bounds = [numbers["x"] + numbers["left"], numbers["y"] + numbers["top"]]
    assert [value / 8 for value in bounds] == [100, 100]


def test_the_same_objects_give_the_same_bytes_however_they_come(tmp_path):
    shapes = [*polygons(3000, WIDTH, HEIGHT, seed=1), LONG, RING, Point(5, 5)]
    whole = objects(shapes)
    cut = [0, 1, 700, 2500, len(shapes)]
    parts = [
        Objects(*(getattr(whole, name)[a:b] for name in ("geometry", "label", "score", "uncertainty")))
        for a, b in pairwise(cut)
    ]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = written(tmp_path / "a", whole).manifest.digest
    # Runs of a few hundred rows: the merge of many runs is what is tested.
    assert written(tmp_path / "b", *parts, run_rows=300).manifest.digest == first


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """30,000 small polygons, most of them in one corner, so that some tiles come as cells."""
    shapes = np.concatenate(
        [polygons(22_000, 1500, 1500, seed=2), polygons(8_000, WIDTH, HEIGHT, seed=3), [LONG]]
    )
    return written(tmp_path_factory.mktemp("crowd"), objects(list(shapes), seed=4), run_rows=7000)


def brute(files, z, x, y, kept=None):
    """Count a tile's cells from the points alone."""
    numbers = np.arange(files.manifest.count)
    place, side = files.points(numbers), files.manifest.tile0 / 2**z
    inside = (place // side == (x, y)).all(axis=1)
    if kept is not None:
        inside &= kept
    cells = {}
    columns = files.columns()
    for index in np.flatnonzero(inside):
        cell = tuple(np.floor((place[index] - (x * side, y * side)) / (side / 64)).astype(int))
        key = (*cell, int(columns["label"][index]))
        cells.setdefault(key, []).append((columns["score"][index], columns["uncertainty"][index]))
    return cells


def as_found(told, columns):
    size = columns["size"]
    assert told["kind"] == "cells"
    keys = zip(
        np.rint(columns["x"] / size).astype(int) % 64,
        np.rint(columns["y"] / size).astype(int) % 64,
        columns["label"],
        strict=True,
    )
    return {
        tuple(int(part) for part in key): values
        for key, *values in zip(keys, columns["count"], columns["score"], columns["uncertainty"], strict=True)
    }


def test_the_objects_of_a_cell_lie_side_by_side(tmp_path):
    """Large cells come from the leaves, small ones from the points: both agree with counting."""
    side = 65_536
    many = objects(list(polygons(9000, side, side, seed=8)), seed=9)
    with ObjectSetWriter(tmp_path / "set", ["a", "b", "c"], side, side) as writer:
        writer.append(many)
        writer.close()
    files = ObjectSet(tmp_path / "set")
    assert files.manifest.levels > 6
    for place in ((0, 0, 0), (1, 1, 0), (2, 1, 3), (files.manifest.levels, 5, 7)):
        tile = files.place(*place)
        cells, starts = files.cell_starts(tile)
        points = {name: files.columns()[name][tile.start : tile.end] for name in ("x", "y")}
        counted = np.bincount(cell_of(points, tile.square), minlength=64 * 64)
        assert sorted(cells.tolist()) == list(range(64 * 64))
        assert (starts[0], starts[-1]) == (tile.start, tile.end)
        assert np.diff(starts).tolist() == counted[cells].tolist()


@pytest.mark.parametrize(("z", "x", "y"), [(0, 0, 0), (1, 0, 0), (2, 0, 0)])
@pytest.mark.parametrize("limits", [None, Limits(min_score=0.25, max_uncertainty=0.8, min_area=150)])
def test_cells_are_exact(crowd, z, x, y, limits):
    told, columns, _ = tile_of(crowd, z, x, y, limits)
    kept = limits.mask(crowd.columns()) if limits else None
    wanted = brute(crowd, z, x, y, kept)
    exact = as_found(told, columns)
    assert exact.keys() == wanted.keys()
    for key, rows in wanted.items():
        count, score, doubt = exact[key]
        assert count == len(rows)
        assert score == pytest.approx(np.mean([row[0] for row in rows]), rel=1e-5)
        assert doubt == pytest.approx(np.mean([row[1] for row in rows]), rel=1e-5)


def test_every_level_shows_every_object_once(crowd):
    """The tiles of a level, cells or shapes, add up to the set, label by label."""
    manifest = crowd.manifest
    listed = opened(crowd.crowded_tiles())[1].to_pylist()
    wanted = np.bincount(crowd.columns()["label"], minlength=3)
    for z in range(manifest.levels + 1):
        counts, seen = np.zeros(3, dtype=int), []
        cells = []
        for x in range(2**z):
            for y in range(2**z):
                told, columns, _ = tile_of(crowd, z, x, y)
                if told["kind"] == "cells":
                    counts += np.bincount(columns["label"], columns["count"], minlength=3).astype(int)
                    cells.append({"z": z, "x": x, "y": y, "count": int(told["count"])})
                    seen += range(int(told["start"]), int(told["end"]))
                else:
                    own = columns["index"][: int(told["own"])]
                    counts += np.bincount(crowd.columns()["label"][own], minlength=3)
                    seen += own.tolist()
        assert counts.tolist() == wanted.tolist()
        assert sorted(seen) == list(range(manifest.count))
        assert sorted(cells, key=str) == sorted((row for row in listed if row["z"] == z), key=str)
    assert {row["z"] for row in listed} > {0}


def test_a_tile_of_shapes_is_whole(crowd):
    """A tile has all objects that reach into it, also those of other tiles and longer than a tile."""
    bounds = shapely.bounds(crowd.geometries(np.arange(crowd.manifest.count)))
    z, side = crowd.manifest.levels, crowd.manifest.tile_side(crowd.manifest.levels)
    for x, y in [(3, 3), (8, 2), (0, 5), (10, 9)]:
        told, columns, table = tile_of(crowd, z, x, y)
        near = (bounds[:, 0] <= (x + 1) * side) & (bounds[:, 2] >= x * side)
        near &= (bounds[:, 1] <= (y + 1) * side) & (bounds[:, 3] >= y * side)
        own = set(range(int(told["start"]), int(told["end"])))
        assert set(columns["index"].tolist()) == set(np.flatnonzero(near).tolist()) | own
        assert columns["index"][: len(own)].tolist() == sorted(own)
        # 32-bit differences only where something long is among the rows.
        wide = max(bounds[columns["index"], 2] - bounds[columns["index"], 0]) > 512
        assert pa.types.is_int32(table["geometry"].type.value_type) == wide


@pytest.mark.parametrize("seed", range(4))
def test_a_lasso_finds_the_points_inside(crowd, seed):
    random = np.random.default_rng(seed)
    angle = np.sort(random.uniform(0, 2 * np.pi, 12))
    radius = random.uniform(300, 4000, 12)
    middle = random.uniform(0, 4000, 2)
    area = Polygon(middle + np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)).buffer(0)
    x, y = crowd.points(np.arange(crowd.manifest.count)).T
    assert crowd.within(area).tolist() == np.flatnonzero(shapely.contains_xy(area, x, y)).tolist()


def test_the_smallest_object_under_a_point_is_found(crowd):
    shapes = crowd.geometries(np.arange(crowd.manifest.count))
    for x, y in np.random.default_rng(5).uniform(0, 1500, (40, 2)):
        covering = np.flatnonzero(shapely.intersects_xy(shapes, x, y))
        wanted = covering[np.argmin(shapely.area(shapes[covering]))] if len(covering) else None
        assert crowd.at(x, y) == wanted


def test_a_point_is_found_from_nearby(tmp_path):
    files = written(tmp_path, objects([Point(511, 100), Point(900, 900)]))
    assert files.at(515, 103) is not None
    assert files.at(560, 100) is None


def test_orders_are_complete(crowd):
    doubt, score = crowd.columns()["uncertainty"], crowd.columns()["score"]
    assert crowd.order("by_uncertainty").tolist() == np.argsort(-doubt, kind="stable").tolist()
    assert crowd.order("by_score").tolist() == np.argsort(score, kind="stable").tolist()


def test_objects_without_a_score_are_last_in_order_and_count_in_no_mean(tmp_path):
    rng = np.random.default_rng(11)
    batch = objects([Point(*place) for place in rng.uniform(0, 500, (9000, 2))])
    batch.score[::3] = np.nan
    files = written(tmp_path, batch, may_lack_scores=True)
    score = files.columns()["score"]
    order = files.order("by_score")
    assert order.tolist() == np.argsort(score, kind="stable").tolist()
    assert np.isnan(score[order[-3000:]]).all()
    assert Limits(min_score=0.0).mask(files.columns()).sum() == 6000
    for row in files.manifest.per_label:
        own = score[files.columns()["label"] == files.manifest.labels.index(row["label"])]
        assert row["mean_score"] == pytest.approx(np.nanmean(own), rel=1e-5)
    columns = {"label": np.zeros(3, np.uint16), "x": np.zeros(3, np.int32), "y": np.zeros(3, np.int32)}
    columns |= {"score": np.array([0.5, np.nan, 0.7], np.float32), "uncertainty": np.zeros(3, np.float32)}
    cells = count_cells(columns, Square(0, 0, 4096), 1)
    assert (cells["count"].tolist(), cells["score"].tolist()) == ([3], pytest.approx([0.6]))
    columns["score"][:] = np.nan
    assert np.isnan(count_cells(columns, Square(0, 0, 4096), 1)["score"]).all()


def test_a_leaf_that_overflows_is_cut_finer(tmp_path):
    points = [Point(*place) for place in np.random.default_rng(0).uniform(0, 500, (9000, 2))]
    files = written(tmp_path, objects(points))
    assert files.manifest.tile_side(files.manifest.levels) == 256
    assert files.manifest.shape == "points"


def test_nothing_is_something_too(tmp_path):
    files = written(tmp_path)
    told, _, table = tile_of(files, 0, 0, 0)
    assert (told["kind"], told["count"], len(table)) == ("shapes", "0", 0)
    assert files.at(1, 1) is None
    assert files.within(box(0, 0, 100, 100)).tolist() == []
    with pytest.raises(IndexError):
        files.tile(0, 1, 0)


@pytest.mark.parametrize(
    ("coordinates", "rings", "label", "score"),
    [
        ([[0, 0], [9, 0], [np.nan, 9]], [0, 3], 0, 1),
        ([[0, 0], [9, 0], [1e12, 9]], [0, 3], 0, 1),
        ([[0, 0], [9, 0]], [0, 2], 0, 1),
        ([[0, 0], [9, 0], [0, 0]], [0, 3], 0, 1),
        ([[0, 0], [9, 0], [9, 9]], [0, 2], 0, 1),
        ([[0, 0], [9, 0], [9, 9]], [0, 3], 3, 1),
        ([[0, 0], [9, 0], [9, 9]], [0, 3], 0, np.nan),
    ],
)
def test_an_invalid_object_is_refused_and_leaves_no_files(tmp_path, coordinates, rings, label, score):
    bad = FlatObjects(
        np.array(coordinates, dtype=np.float64),
        np.array(rings),
        np.array([label]),
        np.array([score], dtype=np.float32),
        np.array([0.5], dtype=np.float32),
    )
    with pytest.raises(ValueError, match=r"."), ObjectSetWriter(tmp_path / "set", LABELS, 99, 99) as writer:
        writer.append(bad)
    assert list(tmp_path.iterdir()) == []


def test_flat_arrays_say_the_same_as_shapely(tmp_path):
    """GeoArrow polygons, closed rings, come in without an object per shape."""
    shapes = polygons(500, WIDTH, HEIGHT, seed=6)
    batch = objects(list(shapes))
    _, coordinates, (rings, outer) = shapely.to_ragged_array(shapes)
    pair = pa.FixedSizeListArray.from_arrays(pa.array(coordinates.ravel()), 2)
    lists = pa.ListArray.from_arrays(pa.array(rings.astype(np.int32)), pair)
    arrow = pa.record_batch(
        {
            "geometry": pa.ListArray.from_arrays(pa.array(outer.astype(np.int32)), lists),
            "label": batch.label,
            "score": batch.score,
            "uncertainty": batch.uncertainty,
        }
    )
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    flat = written(tmp_path / "a", FlatObjects.from_arrow(arrow))
    assert flat.manifest.digest == written(tmp_path / "b", batch).manifest.digest


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.integers(0, 511), st.integers(0, 511), st.integers(0, 2), st.floats(0, 1, width=32)),
        max_size=60,
    ),
    st.sampled_from([3, 500, 100_000]),
)
def test_counting_is_exact_for_any_objects(rows, labels):
    """Dense or sparse counting, ties, cells at the edge: equal to counting one by one."""
    x, y, label, score = (np.array([row[i] for row in rows]) for i in range(4))
    columns = {
        "x": x.astype(np.int32),
        "y": y.astype(np.int32),
        "label": label.astype(np.uint16),
        "score": score.astype(np.float32),
        "uncertainty": score.astype(np.float32),
    }
    counted = count_cells(columns, Square(0, 0, 512), labels)
    wanted = {}
    for column, row, number, value in rows:
        wanted.setdefault((row // 8 * 64 + column // 8, number), []).append(value)
    keys = list(zip(counted["cell"].tolist(), counted["label"].tolist(), strict=True))
    assert keys == sorted(wanted)
    assert counted["count"].tolist() == [len(wanted[key]) for key in keys]
    assert counted["score"] == pytest.approx([np.mean(wanted[key]) for key in keys], rel=1e-5)


MEMORY = """
import resource, sys
from pathlib import Path
import pyarrow as pa
from ml.objectset import ObjectSetWriter
from tests.ml.materials.shapes import flat_polygons
count, folder = int(sys.argv[1]), Path(sys.argv[2])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with ObjectSetWriter(folder / str(count), ["a", "b"], 60_000, 60_000, run_rows=20_000) as writer:
    for start in range(0, count, 20_000):
        writer.append(flat_polygons(20_000, 60_000, 60_000, seed=start))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def test_memory_does_not_follow_the_number_of_objects(tmp_path):
    peaks = []
    for count in (100_000, 400_000):
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, str(count), str(tmp_path)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout))
    # 300,000 more polygons of 20 vertices are 48 MB of coordinates as they come, 24 MB as kept, and
    # 11 MB of columns, which are mapped files.
    assert peaks[1] - peaks[0] < 60e6
