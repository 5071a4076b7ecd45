"""Options and report of an import that becomes an object set: classes, scale, edge, strict."""

from __future__ import annotations

import io
import json

import numpy as np
import pyarrow as pa
import pytest
from django.utils import timezone
from shapely.geometry import box

from server.jobs.models import Job
from server.objects.models import ObjectSet
from server.projects.models import Label
from tests.server.exchange.test_object_shapes import BOW_TIE, OUTER_HOLE, SIZE
from tests.server.exchange.test_objectfiles import API, bring, collection, feature, parquet, read, wkb_table

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

GOOD, ACROSS, OFF = box(10, 150, 60, 200), box(290, 100, 310, 110), box(900, 900, 950, 950)
ROWS = [
    ("T", GOOD),
    ("t", GOOD),
    ("N", GOOD),
    ("X", GOOD),
    ("Z", GOOD),
    ("Z", OFF),
    (None, GOOD),
    ("K", GOOD),
]


@pytest.fixture
def project(project_factory):
    return project_factory(manager="mia", reviewer="rob")


@pytest.fixture
def slide(project, slide_factory):
    return slide_factory(project, width=SIZE[0], height=SIZE[1])


def file_of(kind, rows=ROWS):
    """Return the content and the name of a file with rows of (class, shape)."""
    if kind == "geojson":
        return collection([feature(shape, name) for name, shape in rows]), "cells.geojson"
    names = pa.array([name for name, _ in rows])
    return parquet(wkb_table([shape for _, shape in rows], classification=names)), "cells.parquet"


def preview(client, slide, content, name, status=200, **options):
    file = io.BytesIO(content)
    file.name = name
    body = {"file": file, "become": "objects", **options}
    answer = client.post(f"{API}/slides/{slide.pk}/import/preview", body, format="multipart")
    assert answer.status_code == status, answer.content[:500]
    return answer.json()


def imported(client, slide, run_jobs, content, name, **options):
    answer = bring(client, slide, content, 202, name=name, become="objects", **options)
    run_jobs()
    return Job.objects.get(pk=answer["job_id"])


def counts_of(made):
    """Return the number of objects of each class of a set."""
    labels = read(made)[0].columns()["label"]
    places, counts = np.unique(labels, return_counts=True)
    pairs = zip(places.tolist(), counts.tolist(), strict=True)
    return {made.labels[place]["name"]: count for place, count in pairs}


@pytest.mark.parametrize("kind", ["geojson", "parquet"])
def test_classes_of_a_set_go_where_the_person_sends_them(mia, slide, project, run_jobs, label_factory, kind):
    tumour = label_factory(project, "Tumour")
    content, name = file_of(kind)
    mapping = json.dumps({"T": str(tumour.pk), "t": str(tumour.pk), "N": "new", "X": "none", "Z": "skip"})
    shown = preview(mia, slide, content, name, mapping=mapping)
    targets = {row["name"]: (row["count"], row["label_name"] or row["target"]) for row in shown["classes"]}
    assert targets == {
        "T": (1, "Tumour"), "t": (1, "Tumour"), "N": (1, "new"), "X": (1, "none"),
        "Z": (2, "skip"), "K": (1, "own"),
    }  # fmt: skip
    assert Label.objects.count() == 1
    # Classes that the person leaves out are no bad rows, also where a shape of theirs is bad.
    job = imported(mia, slide, run_jobs, content, name, mapping=mapping, strict="true")
    report = job.result["report"]
    assert (report["created"], report["skipped_count"], report["labels_created"]) == (6, 2, ["N"])
    assert report["rows"] == shown["report"]["rows"]
    assert [(row["row"], row["reason"]["text"]) for row in report["rows"]] == [
        (4, "Its class 'Z' is left out."),
        (5, "Its class 'Z' is left out."),
    ]
    made = ObjectSet.objects.get()
    assert counts_of(made) == {"Tumour": 2, "N": 1, "": 2, "K": 1}
    labels = {row["name"]: row["label_id"] for row in made.labels}
    assert labels["Tumour"] == str(tumour.pk)
    assert labels["N"] == str(Label.objects.get(name="N").pk)
    assert (labels["K"], labels[""]) == (None, None)
    assert [row["label_id"] for row in made.summary["per_label"]] == [row["label_id"] for row in made.labels]


def test_a_chosen_label_is_not_given_to_a_class_in_other_letter_case(
    mia, slide, project, run_jobs, label_factory
):
    label = label_factory(project, "Tumour")
    rows = [("TUMOUR", GOOD), ("X", GOOD), ("Tumour", GOOD)]
    mapping = json.dumps({"X": str(label.pk), "TUMOUR": "own"})
    imported(mia, slide, run_jobs, *file_of("geojson", rows), mapping=mapping)
    assert counts_of(ObjectSet.objects.get()) == {"TUMOUR": 1, "Tumour": 2}


def test_letter_case_is_asked_about_and_its_own_name_can_be_kept(
    mia, slide, project, run_jobs, label_factory
):
    label_factory(project, "Tumour")
    content, name = file_of("geojson", [("TUMOUR", GOOD), ("Other", GOOD)])
    shown = {row["name"]: row for row in preview(mia, slide, content, name)["classes"]}
    assert (shown["TUMOUR"]["is_question"], shown["Other"]["is_question"]) == (True, False)
    assert [each["name"] for each in shown["TUMOUR"]["similar"]] == ["Tumour"]
    mapping = json.dumps({"TUMOUR": "own"})
    assert not preview(mia, slide, content, name, mapping=mapping)["classes"][0]["is_question"]
    imported(mia, slide, run_jobs, content, name, mapping=mapping)
    assert {row["label_id"] for row in ObjectSet.objects.get().labels} == {None}


def test_a_retired_label_is_matched_to_itself(mia, slide, project, run_jobs, label_factory):
    label = label_factory(project, "Old")
    Label.objects.update(retired_at=timezone.now())
    imported(mia, slide, run_jobs, *file_of("geojson", [("Old", GOOD)]))
    assert ObjectSet.objects.get().labels[0]["label_id"] == str(label.pk)


def test_a_reviewer_cannot_add_a_label_but_imports_the_rest(rob, slide, run_jobs):
    content, name = file_of("geojson", [("N", GOOD), ("K", GOOD)])
    job = imported(rob, slide, run_jobs, content, name, mapping=json.dumps({"N": "new"}))
    [row] = job.result["report"]["rows"]
    assert (row["row"], row["reason"]["code"]) == (0, "row_label_needs_manager")
    assert (job.result["count"], Label.objects.count()) == (1, 0)


@pytest.mark.parametrize("chosen", ["nonsense", "6f1c2f0e-0d3b-4a53-9a6e-0c1d2e3f4a5b"])
def test_an_unknown_label_is_refused_before_a_job_is_made(mia, slide, chosen):
    content, _ = file_of("geojson")
    answer = bring(mia, slide, content, 422, become="objects", mapping=json.dumps({"T": chosen}))
    assert (answer["code"], Job.objects.count()) == ("bad_mapping", 0)


@pytest.mark.parametrize("kind", ["geojson", "parquet"])
def test_scale_and_edge_are_applied_to_a_set(mia, slide, run_jobs, kind):
    rows = [(None, box(580, 200, 620, 220)), (None, box(20, 20, 40, 40))]
    content, name = file_of(kind, rows)
    assert preview(mia, slide, content, name, scale=0.5, outside="cut")["report"]["cut"] == 1
    job = imported(mia, slide, run_jobs, content, name, scale=0.5, outside="cut")
    assert job.result["report"]["cut"] == 1
    _, shapes = read(ObjectSet.objects.get())
    assert sorted(shape.bounds for shape in shapes) == [(10, 10, 20, 20), (290, 100, 300, 110)]


@pytest.mark.parametrize("factor", [4, 16])
def test_a_wrong_scale_of_a_set_is_recognised_though_its_shapes_are_off_the_slide(mia, slide, factor):
    rows = [(None, box(x * factor, 100 * factor, (x + 9) * factor, 109 * factor)) for x in range(60, 290, 20)]
    content, name = file_of("geojson", rows)
    shown = preview(mia, slide, content, name)
    assert (shown["scale"], shown["report"]["warning"]["code"]) == (1 / factor, "placement_wrong_scale")
    right = preview(mia, slide, content, name, scale=1 / factor)
    assert (right["scale"], right["report"]["warning"], right["report"]["created"]) == (None, None, len(rows))


@pytest.mark.parametrize("kind", ["geojson", "parquet"])
def test_bad_rows_are_named_in_the_result_and_the_rest_is_kept(mia, slide, run_jobs, kind):
    rows = [(None, GOOD), (None, OFF), (None, BOW_TIE), (None, OUTER_HOLE), (None, OFF)]
    job = imported(mia, slide, run_jobs, *file_of(kind, rows))
    report = job.result["report"]
    assert (job.state, report["created"], report["mended"]) == ("succeeded", 3, 2)
    assert [(row["row"], row["outcome"], row["reason"]["code"]) for row in report["rows"]] == [
        (1, "skipped", "row_off_slide"), (3, "skipped", "row_hole_outside"), (4, "skipped", "row_off_slide"),
    ]  # fmt: skip
    assert [(each["count"], each["reason"]["code"]) for each in report["reasons"]] == [
        (2, "row_off_slide"), (1, "row_hole_outside"),
    ]  # fmt: skip


def test_many_bad_rows_are_counted_by_reason(mia, slide, run_jobs, monkeypatch):
    monkeypatch.setattr("server.exchange.object_files.report.MOST_IN_RESULT", 3)
    job = imported(mia, slide, run_jobs, *file_of("geojson", [(None, GOOD), *[(None, OFF)] * 9]))
    report = job.result["report"]
    assert (len(report["rows"]), report["rows_left_out"], report["skipped_count"]) == (3, 6, 9)
    assert [(each["count"], each["reason"]["code"]) for each in report["reasons"]] == [(9, "row_off_slide")]


def test_the_table_cases_become_sets(mia, slide, run_jobs, case_file):
    content = case_file("23-probability-in-tables", "probability.parquet").read_bytes()
    imported(mia, slide, run_jobs, content, "probability.parquet")
    scores = read(ObjectSet.objects.get())[0].columns()["score"].tolist()
    assert sorted(scores) == pytest.approx([0.1, 0.5, 0.9])
    content = case_file("26-table-message", "geom-column.parquet").read_bytes()
    assert imported(mia, slide, run_jobs, content, "geom-column.parquet").result["skipped"] == 0


def test_nuclei_that_a_set_does_not_keep_are_counted_in_the_report(mia, slide, run_jobs):
    nucleus = {"type": "Polygon", "coordinates": [[[20, 160], [30, 160], [30, 170], [20, 160]]]}
    rows = [{**feature(GOOD, "T"), "nucleusGeometry": nucleus}, {**feature(GOOD), "nucleusGeometry": nucleus}]
    report = imported(mia, slide, run_jobs, collection([*rows, feature(ACROSS)]), "cells.geojson").result[
        "report"
    ]
    assert (report["created"], report["skipped_count"]) == (3, 0)
    [reason] = report["reasons"]
    assert (reason["reason"]["code"], reason["count"]) == ("row_nucleus_left_out", 2)
    assert report["nuclei_left_out"] == 2
    shown = preview(mia, slide, collection(rows), "cells.geojson")["report"]
    assert (shown["nuclei_left_out"], shown["created"]) == (2, 2)


def test_an_object_without_a_class_is_exported_without_one(mia, slide, run_jobs):
    imported(mia, slide, run_jobs, collection([feature(GOOD, "T"), feature(GOOD)]), "cells.geojson")
    answer = mia.get(f"{API}/slides/{slide.pk}/export.geojson?suggestions=true")
    features = answer.json()["features"]
    classes = [one["properties"].get("classification", {}).get("name") for one in features]
    assert sorted(classes, key=str) == [None, "T"]
