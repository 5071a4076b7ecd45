"""Shapes of object files are valid when stored: repaired, clipped or reported, row by row."""

from __future__ import annotations

import json
import math

import numpy as np
import pyarrow as pa
import pytest
import shapely
from shapely.geometry import Polygon, box, shape

from ml.formats.valid_areas import TangledError, count_outer_holes, find_simple_rings, mend_area
from server.exchange.object_files.batches import read_batches
from server.exchange.object_files.flat_shapes import areas_of_flat
from server.jobs.models import Job, JobEvent
from server.objects.models import ObjectSet
from tests.server.exchange.test_objectfiles import (
    API,
    arrow,
    bring,
    collection,
    feature,
    geoarrow,
    parquet,
    read,
    wkb_table,
)

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

SIZE = (300, 260)
BOW_TIE = Polygon([(30, 30), (130, 130), (130, 30), (30, 130)])
SPIKE = Polygon([(150, 30), (180, 30), (180, 90), (180, 20), (180, 60), (150, 60)])
OUTER_HOLE = Polygon([(10, 10), (50, 10), (50, 50), (10, 50)], [[(200, 200), (210, 200), (210, 210)]])
OVERLAPPING = shapely.MultiPolygon([box(200, 100, 220, 120), box(210, 110, 230, 130)])
GOOD = box(10, 150, 60, 200)


@pytest.fixture
def slide(project_factory, slide_factory):
    return slide_factory(project_factory(reviewer="rob"), width=SIZE[0], height=SIZE[1])


@pytest.fixture
def rob(api, user_factory):
    return api(user_factory("rob"))


def zigzag(count, side=200.0):
    """A ring of so many points that crosses itself about count * count / 4 times."""
    y = np.random.default_rng(0).uniform(0, side, count)
    return Polygon(np.stack([np.where(np.arange(count) % 2, 0, side), y], axis=1))


def written(tmp_path, kind, shapes, **columns):
    path = tmp_path / f"a.{kind}"
    if kind == "geojson":
        rows = [
            feature(each, **{name: values[row] for name, values in columns.items()})
            for row, each in enumerate(shapes)
        ]
        path.write_bytes(collection(rows))
    else:
        path.write_bytes(
            parquet(wkb_table(shapes, **columns)) if kind == "parquet" else arrow(geoarrow(shapes))
        )
    return path


def kept_in(tmp_path, kind, shapes, **options):
    """Return the batches of a file, and their shapes."""
    path = written(tmp_path, kind, shapes)
    batches = list(read_batches(path, path.name, SIZE, **options))
    areas = [area for batch in batches if batch.flat is not None for area in areas_of_flat(batch.flat)]
    return batches, areas


@pytest.mark.parametrize("kind", ["geojson", "parquet", "arrow"])
def test_invalid_outlines_are_mended_and_counted(tmp_path, kind):
    given = [GOOD, BOW_TIE, SPIKE, *([] if kind == "arrow" else [OVERLAPPING])]
    batches, areas = kept_in(tmp_path, kind, given)
    assert all(area.is_valid for area in areas)
    assert sum(batch.mended for batch in batches) == len(given) - 1
    assert sum(len(batch.bad) for batch in batches) == 0
    assert sorted(round(area.area) for area in areas) == sorted(
        round(shapely.make_valid(each, method="structure").area) for each in given
    )


@pytest.mark.parametrize("kind", ["geojson", "parquet", "arrow"])
def test_a_hole_outside_is_named_and_becomes_no_area(tmp_path, kind):
    batches, areas = kept_in(tmp_path, kind, [OUTER_HOLE, GOOD])
    assert [(row.row, row.reason.code) for row in batches[0].bad] == [(0, "row_hole_outside")]
    assert sorted(area.area for area in areas) == [1600, 2500]


@pytest.mark.parametrize("count", [1001, 20_001])
def test_a_tangled_outline_is_named_before_it_costs_anything(tmp_path, count):
    batches, areas = kept_in(tmp_path, "geojson", [GOOD, zigzag(count)])
    assert [(row.row, row.reason.code) for row in batches[0].bad] == [(1, "row_tangled")]
    assert len(areas) == 1
    with pytest.raises(TangledError):
        mend_area(zigzag(count))
    assert mend_area(zigzag(31)).is_valid


def test_stored_shapes_are_valid_on_the_grid_of_the_set(slide, rob, run_jobs):
    """Thin outlines valid in the file cross themselves when their vertices snap to 1/8 pixel."""
    random = np.random.default_rng(3)
    thin = []
    for x in range(10, 250, 6):
        turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        reach = random.uniform(0.05, 2.5, 40)
        thin.append(Polygon(np.stack([x + reach * np.cos(turn), 100 + reach * np.sin(turn)], axis=1)))
    assert all(each.is_valid for each in thin)
    bring(rob, slide, collection([feature(each) for each in thin]), 202, become="objects")
    run_jobs()
    made = ObjectSet.objects.get()
    _, shapes = read(made)
    assert made.count == len(thin)
    assert shapely.is_valid(shapes).all()


@pytest.mark.parametrize("kind", ["geojson", "parquet"])
def test_shapes_across_the_edge_are_kept_or_cut(tmp_path, kind):
    across, corner = box(290, 100, 310, 110), box(300, 260, 350, 310)
    edge, hook = box(-50, 10, 0, 20), Polygon([(310, 10), (310, 40), (290, 40), (305, 25), (290, 10)])
    beside = Polygon([(301, -10), (350, -10), (350, 300), (280, 300), (301, 261)])
    given = [across, corner, edge, hook, beside, GOOD]
    batches, areas = kept_in(tmp_path, kind, given)
    off = [(1, "row_off_slide"), (2, "row_off_slide"), (4, "row_off_slide")]
    assert [(row.row, row.reason.code) for row in batches[0].bad] == off
    assert batches[0].cut == 0
    assert sorted(area.area for area in areas) == sorted([200, hook.area, 2500])
    batches, areas = kept_in(tmp_path, kind, given, is_cut=True)
    assert [(row.row, row.reason.code) for row in batches[0].bad] == off
    assert batches[0].cut == 2
    assert all(shapely.box(0, 0, *SIZE).covers(area) and area.is_valid for area in areas)


def test_a_scale_puts_coordinates_on_the_slide(tmp_path):
    _, areas = kept_in(tmp_path, "geojson", [box(1000, 1000, 1040, 1040)], scale=0.125)
    assert [area.bounds for area in areas] == [(125, 125, 130, 130)]


@pytest.mark.parametrize("value", [math.nan, "high", 85, -1])
@pytest.mark.parametrize("strict", ["false", "true"])
def test_a_bad_number_spoils_its_row_only_unless_the_import_is_strict(slide, rob, run_jobs, value, strict):
    rows = [feature(GOOD, measurements={"probability": value}), feature(GOOD, probability=0.7), feature(GOOD)]
    answer = bring(rob, slide, collection(rows), 202, become="objects", strict=strict)
    run_jobs()
    job = Job.objects.get(pk=answer["job_id"])
    log = [
        event.data["message"]["text"] for event in JobEvent.objects.filter(job=job, kind="log").order_by("id")
    ]
    told = ["Row 0: A score or uncertainty is not a number from 0 to 1."]
    assert log == (told if strict == "true" else [*told, "Objects without a score: 1"])
    assert job.state == ("failed" if strict == "true" else "succeeded")
    if strict == "false":
        assert (job.result["count"], job.result["skipped"]) == (2, 1)
        files, _ = read(ObjectSet.objects.get())
        np.testing.assert_allclose(np.sort(files.columns()["score"]), [0.7, np.nan], rtol=1e-6)


def test_empty_and_bad_numbers_of_tables_are_rows_of_the_report(slide, rob, run_jobs):
    table = wkb_table([GOOD] * 4, confidence=pa.array(["0.5", "n/a", None, "2"]))
    answer = bring(rob, slide, parquet(table), 202, name="a.parquet")
    run_jobs()
    job = Job.objects.get(pk=answer["job_id"])
    log = [
        event.data["message"]["text"] for event in JobEvent.objects.filter(job=job, kind="log").order_by("id")
    ]
    assert log == [
        "Row 1: Its score is not a number from 0 to 1.",
        "Row 3: Its score is not a number from 0 to 1.",
        "Objects without a score: 1",
    ]
    assert (job.result["count"], job.result["skipped"]) == (2, 2)


def test_a_file_without_a_row_that_can_be_kept_is_refused(slide, rob, run_jobs):
    answer = bring(rob, slide, collection([feature(box(900, 900, 950, 950))]), 202, become="objects")
    run_jobs()
    assert Job.objects.get(pk=answer["job_id"]).error_code == "bad_object_file"
    assert ObjectSet.objects.count() == 0


def test_other_formats_become_object_sets_too(slide, rob, run_jobs):
    vertices = "".join(f'<Vertex X="{x}" Y="{y}"/>' for x, y in GOOD.exterior.coords[:4])
    region = f"<Regions><Region Type='0'><Vertices>{vertices}</Vertices></Region></Regions>"
    xml = f'<Annotations><Annotation Name="Tumor">{region}</Annotation></Annotations>'.encode()
    utf16 = collection([feature(GOOD, "Stroma")]).decode().encode("utf-16")
    for content, name in ((xml, "Tumor"), (utf16, "Stroma")):
        bring(rob, slide, content, 202, name="a.txt", become="objects")
        run_jobs()
        assert [row["name"] for row in ObjectSet.objects.order_by("-created_at")[0].labels] == [name]


def test_classes_that_differ_in_letter_case_stay_two(slide, rob, run_jobs, label_factory):
    label = label_factory(slide.project, "Tumor")
    rows = [
        feature(GOOD, "Tumor"),
        feature(GOOD, "TUMOR"),
        feature(GOOD, "x" * 120 + "a"),
        feature(GOOD, "x" * 120),
    ]
    mapping = json.dumps({"TUMOR": "own"})
    bring(rob, slide, collection(rows), 202, become="objects", mapping=mapping)
    run_jobs()
    labels = ObjectSet.objects.get().labels
    assert len({row["name"] for row in labels}) == 4
    assert [row["name"] for row in labels if row["label_id"] == str(label.pk)] == ["Tumor"]


def test_the_cases_of_object_files(slide, rob, run_jobs, case_file):
    content = case_file("22-export-of-a-bow-tie", "bow-tie.geojson").read_bytes()
    answer = bring(rob, slide, content, 202, become="objects")
    run_jobs()
    assert Job.objects.get(pk=answer["job_id"]).result["mended"] == 1
    exported = json.loads(rob.get(f"{API}/slides/{slide.pk}/export.geojson", {"suggestions": "true"}).content)
    [kept] = [shape(each["geometry"]) for each in exported["features"]]
    assert (kept.is_valid, kept.area) == (True, 5000)
    content = case_file("24-nan-probability", "nan.geojson").read_bytes()
    answer = bring(rob, slide, content, 202, become="objects")
    run_jobs()
    result = Job.objects.get(pk=answer["job_id"]).result
    assert (result["count"], result["skipped"]) == (1, 1)
    content = case_file("30-beyond-the-corner", "corner.geojson").read_bytes()
    answer = bring(rob, slide, content, 200, become="annotations")
    assert (answer["created"], len(answer["skipped"])) == (0, 1)


def test_simple_rings_are_told_from_doubtful_ones():
    rings = [GOOD.exterior.coords, shapely.Point(9, 9).buffer(5).exterior.coords, BOW_TIE.exterior.coords,
             zigzag(31).exterior.coords]  # fmt: skip
    twice = np.tile(np.array(shapely.Point(0, 0).buffer(5).exterior.coords)[:-1], (2, 1))
    rings.append(np.concatenate([twice, twice[:1]]))
    offsets = np.cumsum([0, *map(len, rings)])
    simple = find_simple_rings(np.concatenate([np.array(each) for each in rings]), offsets)
    assert simple.tolist() == [True, True, False, False, False]
    assert count_outer_holes(OUTER_HOLE) == 1
    assert count_outer_holes(GOOD) == 0
