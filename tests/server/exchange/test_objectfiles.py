"""Files of very many objects become a set; invalid ones are refused row by row and leave no files behind."""

from __future__ import annotations

import gzip
import io
import json
import math
import struct
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from django.utils import timezone
from shapely.geometry import MultiPolygon, Polygon, box, mapping

from ml.objectset.geojson import known_score
from server.annotations.models import Annotation
from server.exchange.object_files import jobs as object_jobs
from server.jobs.models import Job, JobEvent
from server.jobs.runner import run_job
from server.jobs.services import sweep_jobs
from server.objects.models import ObjectSet
from server.objects.selectors import open_object_set

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

API = "/api/v1"
RING = Polygon([(100, 100), (180, 110), (170, 190)], [[(130, 120), (150, 125), (150, 140)]])
ISLANDS = MultiPolygon([RING, box(300, 300, 340.5, 350.25)])


@pytest.fixture
def slide(project_factory, slide_factory, label_factory):
    project = project_factory(annotator="ann", reviewer="rob")
    label_factory(project, "Tumour")
    return slide_factory(project)


@pytest.fixture
def rob(api, user_factory):
    return api(user_factory("rob"))


def feature(shape, name=None, **properties):
    told = {**properties, **({"classification": {"name": name, "color": [1, 2, 3]}} if name else {})}
    geometry = mapping(shape) if not isinstance(shape, dict) else shape
    return {"type": "Feature", "geometry": geometry, "properties": told}


def collection(features):
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def bring(client, slide, content, status, *, name="cells.geojson", become="auto", **options):
    file = io.BytesIO(content)
    file.name = name
    body = {"file": file, "become": become, **options}
    answer = client.post(f"{API}/slides/{slide.pk}/import", body, format="multipart")
    assert answer.status_code == status, answer.content[:2000]
    return answer.json()


def read(object_set):
    files = open_object_set(object_set)
    return files, files.geometries(np.arange(object_set.count))


def squares(count):
    left = np.arange(count) % 900 * 11
    top = np.arange(count) // 900 * 11
    return shapely.box(left, top, left + 8, top + 8)


def test_more_than_twenty_thousand_shapes_become_a_set(slide, rob, run_jobs, home):
    text = ",".join(json.dumps(feature(shape)) for shape in squares(20_001))
    answer = bring(rob, slide, f'{{"type": "FeatureCollection", "features": [{text}]}}'.encode(), 202)
    assert answer["created"] == 0
    run_jobs()
    job = Job.objects.get(pk=answer["job_id"])
    assert (job.state, job.queue) == ("succeeded", "io")
    made = ObjectSet.objects.get()
    assert (made.state, made.source, made.count) == ("ready", "file", 20_001)
    assert Annotation.objects.count() == 0
    changed = {"skipped": 0, "mended": 0, "cut": 0}
    report = job.result.pop("report")
    assert job.result == {"outcome": "objects", "object_set_id": str(made.pk), "count": 20_001, **changed}
    assert (report["created"], report["rows"], report["reasons"]) == (20_001, [], [])
    [listed] = rob.get(f"{API}/slides/{slide.pk}/object-sets").json()["results"]
    assert (listed["count"], listed["shape"]) == (20_001, "boxes")
    assert not list((Path(home) / "storage/imports").iterdir())


def test_few_become_annotations_unless_the_person_says_objects(slide, rob, run_jobs):
    content = collection([feature(RING, "Tumour")])
    assert bring(rob, slide, content, 200)["created"] == 1
    packed = gzip.compress(content.replace(b"130", b"131"))
    bring(rob, slide, packed, 202, name="few.geojson.gz")
    run_jobs()
    assert (Annotation.objects.count(), ObjectSet.objects.count()) == (2, 0)
    bring(rob, slide, content, 202, become="objects")
    run_jobs()
    assert (Annotation.objects.count(), ObjectSet.objects.get().count) == (2, 1)


def test_many_may_not_become_annotations(slide, rob):
    points = [feature({"type": "Point", "coordinates": [1, 1]})] * 20_001
    assert bring(rob, slide, collection(points), 413, become="annotations")["code"] == "too_many_features"


def test_values_of_a_file_are_kept(slide, rob, run_jobs):
    content = collection(
        [
            feature(RING, "Tumour", score=0.25, uncertainty=0.5),
            feature(ISLANDS, "Alien", measurements={"probability": 0.75}),
            feature({"type": "Point", "coordinates": [500, 400, 7]}),
            feature(box(700, 700, 800, 800), measurements=[{"name": "uncertainty", "value": 0.125}]),
        ]
    )
    bring(rob, slide, content, 202, become="objects")
    run_jobs()
    made = ObjectSet.objects.get()
    files, shapes = read(made)
    columns = files.columns()
    names = [made.labels[int(label)]["name"] for label in columns["label"]]
    stated = [known_score(score) for score in columns["score"]]
    told = sorted(zip(names, columns["uncertainty"].tolist(), stated, strict=True))
    assert told == [("", 0, None), ("", 0.125, None), ("Alien", 0, 0.75), ("Tumour", 0.5, 0.25)]
    by_name = {row["name"]: row for row in made.labels}
    assert by_name["Tumour"]["label_id"] is not None
    assert (by_name["Alien"]["label_id"], by_name["Alien"]["colour"]) == (None, "#010203")
    for shape in (RING, ISLANDS):
        assert min(shapely.hausdorff_distance(shapes, shape)) < 0.1
        near = shapes[np.argmin(shapely.hausdorff_distance(shapes, shape))]
        assert len(shapely.get_rings(near)) == len(shapely.get_rings(shape))
    assert sum(row["count"] for row in made.summary["per_label"]) == 4


def wkb_table(shapes, **columns):
    told = {"geometry": pa.array(shapely.to_wkb(np.array(shapes, dtype=object)), pa.binary()), **columns}
    return pa.table(told)


def parquet(table, **told):
    sink = io.BytesIO()
    geo = {"version": "1.0.0", "primary_column": "geometry", "columns": {"geometry": {"encoding": "WKB"}}}
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo), **told}), sink)
    return sink.getvalue()


def arrow(table):
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as out:
        out.write_table(table)
    return sink.getvalue()


def geoarrow(shapes):
    _, coordinates, (rings, outer) = shapely.to_ragged_array(np.array(shapes))
    pairs = pa.FixedSizeListArray.from_arrays(pa.array(coordinates.ravel()), 2)
    lists = pa.ListArray.from_arrays(pa.array(rings.astype(np.int32)), pairs)
    return pa.table({"geometry": pa.ListArray.from_arrays(pa.array(outer.astype(np.int32)), lists)})


@pytest.mark.parametrize("kind", ["parquet", "arrow", "geoarrow"])
def test_tables_come_in(slide, rob, run_jobs, kind):
    shapes = [RING, box(300, 300, 320, 320), box(5, 5, 9, 9)]
    told = {"label": ["Tumour", None, "Tumour"], "score": [0.5, None, 0.25]}
    table = geoarrow(shapes) if kind == "geoarrow" else wkb_table(shapes, **told)
    content = parquet(table) if kind == "parquet" else arrow(table)
    bring(rob, slide, content, 202, name="cells.parquet" if kind == "parquet" else "cells.arrow")
    run_jobs()
    made = ObjectSet.objects.get()
    files, shapes_read = read(made)
    assert made.count == 3
    assert all(min(shapely.hausdorff_distance(shapes_read, shape)) < 0.1 for shape in shapes)
    if kind != "geoarrow":
        np.testing.assert_equal(np.sort(files.columns()["score"]), [0.25, 0.5, np.nan])


GOOD = feature(RING, "Tumour")
TRUNCATED = collection([GOOD, GOOD])[:-40]


def polygon(*points):
    return {"type": "Polygon", "coordinates": [list(points)]}


BAD_ROWS = {
    "not a number": (feature(polygon([0, 0], [math.nan, 9], [9, 9])), "A coordinate is not a number."),
    "text": (feature(polygon([0, 0], ["9", 9], [9, 9])), "Its coordinates do not form a shape."),
    "outside": (feature(box(20_000, 5, 20_010, 9)), "It lies outside the slide."),
    "thin": (feature(polygon([0, 0], [9, 9], [0, 0])), "A ring needs three vertices or more."),
    "empty": (feature({"type": "Polygon", "coordinates": []}), "The shape is empty."),
    "line": (
        feature({"type": "LineString", "coordinates": [[0, 0], [1, 1]]}),
        "An object is a point, a polygon or several polygons, not LineString.",
    ),
    "no shape": ({"type": "Feature", "properties": {}}, "It has no geometry."),
    "no feature": (7, "It has no geometry."),
    "score": (feature(RING, score=7), "A score or uncertainty is not a number from 0 to 1."),
    "deep": (feature({"type": "Polygon", "coordinates": [[[[1]]]]}), "Its coordinates do not form a shape."),
}


def refused(client, slide, run_jobs, home, content, name="cells.geojson"):
    """Import a file that a strict import refuses; return the job and its log. No file is left."""
    answer = bring(client, slide, content, 202, name=name, become="objects", strict="true")
    run_jobs()
    job = Job.objects.get(pk=answer["job_id"])
    assert job.state == "failed"
    assert ObjectSet.objects.count() == Annotation.objects.count() == 0
    left = [path for path in (Path(home) / "storage").rglob("*") if path.is_file()]
    assert left == []
    events = JobEvent.objects.filter(job=job, kind="log").order_by("id")
    return job, [event.data["message"]["text"] for event in events]


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_refuses_the_file_and_is_named(slide, rob, run_jobs, home, name):
    row, reason = BAD_ROWS[name]
    job, log = refused(rob, slide, run_jobs, home, collection([GOOD, GOOD, row, GOOD, row]))
    assert job.error_code == "bad_object_file"
    assert log == [f"Row 2: {reason}", f"Row 4: {reason}"]
    assert "Rows that cannot be kept: 2." in str(job.error)


def test_bad_rows_far_apart_are_all_counted(slide, rob, run_jobs, home, monkeypatch):
    monkeypatch.setattr("server.exchange.object_files.report.MOST_NAMED", 3)
    outside, deep = BAD_ROWS["outside"][0], BAD_ROWS["deep"][0]
    rows = [*[GOOD] * 5000, *[outside] * 5, *[deep] * 2]
    job, log = refused(rob, slide, run_jobs, home, collection(rows))
    assert log == [
        *(f"Row {row}: It lies outside the slide." for row in (5000, 5001, 5002)),
        "Rows in all: 5. It lies outside the slide.",
        "Rows in all: 2. Its coordinates do not form a shape.",
    ]
    assert "Rows that cannot be kept: 7." in str(job.error)


def test_a_polygon_of_a_million_vertices_is_refused(slide, rob, run_jobs, home):
    angle = np.linspace(0, 2 * np.pi, 1_000_000, endpoint=False)
    ring = np.stack([5000 + 1000 * np.cos(angle), 4000 + 1000 * np.sin(angle)], axis=1).round(3)
    content = collection([GOOD, feature(polygon(*ring.tolist()))])
    _, log = refused(rob, slide, run_jobs, home, content)
    assert log == ["Row 1: It has 1,000,000 vertices; at most 500,000 are kept."]


@pytest.mark.parametrize(
    ("name", "content", "code", "words"),
    [
        ("a.geojson", TRUNCATED, "not_geojson", "breaks off"),
        ("a.geojson", b'{"type": "Topology", "objects": {}}', "not_geojson", "not a FeatureCollection"),
        ("a.geojson", b'{"type" "Feature"}', "not_geojson", "not JSON"),
        ("a.geojson", b"\xff\xfe\x00", "not_geojson", "UTF-8"),
        ("a.geojson", b"[" * 200_000, "not_geojson", "not JSON"),
        ("a.geojson", collection([]), "bad_object_file", "no objects"),
        ("a.geojson.gz", gzip.compress(b" " * 80 * 2**20), "bad_object_file", "times its size"),
        ("a.parquet", b"PAR1 nonsense PAR1", "bad_object_file", "cannot be read"),
        ("a.parquet", parquet(pa.table({"x": [1]})), "bad_object_file", "no column of shapes"),
        ("a.parquet", parquet(wkb_table([RING]))[:-30], "bad_object_file", "cannot be read"),
        ("a.parquet", parquet(pa.table({"geometry": ["POINT (1 1)"]})), "bad_object_file", "WKB"),
        ("a.arrow", arrow(pa.table({"geometry": [[1.0]]})), "bad_object_file", "WKB"),
        ("a.arrow", arrow(wkb_table([RING]))[:-30], "bad_object_file", "cannot be read"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_refused(slide, rob, run_jobs, home, name, content, code, words):
    job, _ = refused(rob, slide, run_jobs, home, content, name)
    assert (job.error_code, words in str(job.error)) == (code, True), job.error


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (wkb_table([RING, None]), "Its coordinates do not form a shape."),
        (wkb_table([RING, shapely.LineString([(0, 0), (1, 1)])]), "Its coordinates do not form a shape."),
        (wkb_table([RING, box(-90, -90, -80, -80)]), "It lies outside the slide."),
        (wkb_table([RING, RING], score=[1.0, math.nan]), "Its score is not a number from 0 to 1."),
    ],
)
def test_bad_rows_of_tables_are_named(slide, rob, run_jobs, home, table, reason):
    _, log = refused(rob, slide, run_jobs, home, parquet(table), "a.parquet")
    assert log == [f"Row 1: {reason}"]


def wkb_polygon(*rings):
    """Return a polygon as WKB unchecked, also with rings that no library would write."""
    body = b"".join(
        struct.pack("<I", len(ring)) + b"".join(struct.pack("<2d", *at) for at in ring) for ring in rings
    )
    return struct.pack("<BII", 1, 3, len(rings)) + body


SQUARE = [(300.0, 300.0), (300.0, 320.0), (320.0, 320.0), (300.0, 300.0)]
FAR_SQUARE = [(x - 9000, y) for x, y in SQUARE]
NO_SHAPE, OUTSIDE = "Its coordinates do not form a shape.", "It lies outside the slide."
# Each has a good row, the broken ones and one that lies outside, which the broken ones must not hide.
BROKEN_TABLES = {
    "wkb": (
        pa.table(
            {
                "geometry": pa.array(
                    [
                        wkb_polygon(SQUARE),
                        wkb_polygon(SQUARE, []),
                        struct.pack("<BII", 1, 6, 2) + wkb_polygon(SQUARE) + wkb_polygon(),
                        b"no shape",
                        wkb_polygon(FAR_SQUARE),
                    ],
                    pa.binary(),
                )
            }
        ),
        {1: NO_SHAPE, 2: NO_SHAPE, 3: NO_SHAPE, 4: OUTSIDE},
    ),
    "geoarrow": (
        pa.table(
            {
                "geometry": pa.array(
                    [
                        [SQUARE],
                        [SQUARE, []],
                        [],
                        None,
                        [SQUARE, None],
                        [[(1.0, None), *SQUARE]],
                        [[None, *SQUARE]],
                        [FAR_SQUARE],
                    ],
                    pa.list_(pa.list_(pa.list_(pa.float64(), 2))),
                )
            }
        ),
        dict.fromkeys((1, 2, 4, 5, 6), NO_SHAPE) | {3: "It has no geometry.", 7: OUTSIDE},
    ),
}


@pytest.mark.parametrize("kind", BROKEN_TABLES)
@pytest.mark.parametrize("before", [0, 20_000])
def test_a_broken_row_of_a_table_hides_no_other(slide, rob, run_jobs, home, kind, before):
    """In the middle of a table the rows are a slice of a larger one."""
    table, reasons = BROKEN_TABLES[kind]
    whole = pa.concat_tables([*[table.slice(0, 1)] * before, table]).combine_chunks()
    job, log = refused(rob, slide, run_jobs, home, arrow(whole), "a.arrow")
    assert log == [f"Row {before + row}: {reasons[row]}" for row in sorted(reasons)]
    assert f"Rows that cannot be kept: {len(reasons)}." in str(job.error)


def test_a_row_that_is_bad_for_two_reasons_is_one_row(slide, rob, run_jobs, home):
    table = wkb_table([RING, box(-90, -90, -80, -80)], score=[1.0, 7.0])
    job, log = refused(rob, slide, run_jobs, home, parquet(table), "a.parquet")
    assert log == ["Row 1: Its score is not a number from 0 to 1.", f"Row 1: {OUTSIDE}"]
    assert "Rows that cannot be kept: 1." in str(job.error)


def test_coordinates_of_three_numbers_are_no_places(slide, rob, run_jobs, home):
    cubes = pa.array([[[(1.0, 2.0, 3.0)] * 4]], pa.list_(pa.list_(pa.list_(pa.float64(), 3))))
    job, _ = refused(rob, slide, run_jobs, home, arrow(pa.table({"geometry": cubes})), "a.arrow")
    assert "interleaved coordinates" in str(job.error)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"x", "none of GeoJSON"), (gzip.compress(collection([GOOD] * 50))[:-20], "unpacked")],
)
def test_kinds_of_files_that_are_not_read_and_people_who_may_not(
    slide, rob, api, user_factory, content, words
):
    answer = bring(rob, slide, content, 422, name="a.geojson.gz", become="objects")
    assert (answer["code"], words in answer["detail"]) == ("bad_object_file", True)
    bring(api(user_factory("ann")), slide, collection([GOOD]), 403, become="objects")
    assert Job.objects.count() == 0


def test_an_attempt_that_died_is_taken_up_again(slide, rob, run_jobs, monkeypatch):
    """The worker is killed between writing and finishing: the next attempt makes one set, not two."""
    answer = bring(rob, slide, collection([GOOD]), 202, become="objects")

    def die(**_):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(object_jobs, "finish_object_set", die)
        patch.setattr(object_jobs.storage, "delete", lambda _key: None)
        with pytest.raises(SystemExit):
            run_jobs()
    Job.objects.filter(pk=answer["job_id"]).update(state="queued")
    run_jobs()
    assert ObjectSet.objects.get().state == "ready"


def test_attempts_that_died_leave_no_unfinished_set(slide, rob, monkeypatch):
    """The user lost their role meanwhile, and each worker was killed before it finished the set."""
    answer = bring(rob, slide, collection([GOOD]), 202, become="objects")

    def die(**_):
        raise SystemExit

    monkeypatch.setattr(object_jobs, "finish_object_set", die)
    for _ in range(2):
        with pytest.raises(SystemExit):
            run_job(answer["job_id"], with_heart=False)
        assert ObjectSet.objects.get().state == "writing"
        Job.objects.update(heartbeat_at=timezone.now() - timedelta(hours=1))
        if Job.objects.get().attempt == 2:
            slide.project.memberships.update(role="annotator")
        sweep_jobs()
    assert Job.objects.get().state == "failed"
    assert not ObjectSet.objects.exists()


def test_only_a_file_that_is_still_here_is_offered_to_be_read_again(slide, rob, run_jobs, home, monkeypatch):
    job, _ = refused(rob, slide, run_jobs, home, collection([BAD_ROWS["outside"][0]]))
    address = f"{API}/jobs/{job.pk}"
    assert rob.get(address).json()["can_retry"] is False
    again = rob.post(f"{address}/retry")
    assert (again.status_code, again.json()["code"]) == (422, "job_material_gone")

    name = f"{'long ' * 50}.geojson"
    answer = bring(rob, slide, collection([GOOD]), 202, name=name, become="objects")
    address = f"{API}/jobs/{answer['job_id']}"

    def break_down(**_):
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(object_jobs, "finish_object_set", break_down)
        run_jobs()
    assert rob.get(address).json()["state"] == "failed"
    assert rob.post(f"{address}/retry").json()["state"] == "queued"
    run_jobs()
    assert ObjectSet.objects.get().count == 1
    left = [path.name for path in (Path(home) / "storage" / "scratch" / "jobs").iterdir()]
    assert left == []


def test_a_file_whose_reading_was_called_off_goes_in_a_day(slide, rob, home):
    answer = bring(rob, slide, collection([GOOD]), 202, become="objects")
    assert rob.post(f"{API}/jobs/{answer['job_id']}/cancel").json()["can_retry"] is True
    files = [path for path in (Path(home) / "storage").rglob("*") if path.is_file()]
    assert len(files) == 1
    sweep_jobs()
    assert files[0].exists()
    Job.objects.update(finished_at=timezone.now() - timedelta(days=2))
    sweep_jobs()
    assert not files[0].exists()
