"""Names that differ in letter case only: every way in asks which label is intended."""

from __future__ import annotations

import io
import json

import pytest
from django.utils import timezone
from shapely.geometry import box

from server.annotations.models import Annotation
from server.exchange.object_files import jobs as object_jobs
from server.jobs.models import Job
from server.objects.models import ObjectSet
from server.projects.models import Label
from tests.server.exchange.test_geojson import API, export, feature, square
from tests.server.exchange.test_import_identity import draw, send
from tests.server.exchange.test_object_classes import counts_of, file_of, imported, preview
from tests.server.exchange.test_project_import import collection, packed, post

pytestmark = pytest.mark.django_db

SHAPE = box(10, 10, 60, 60)
NERVES = [feature(square(), classification="nerve"), feature(square(200), classification="Nerve")]


def names():
    return sorted(Label.objects.values_list("name", flat=True))


def asked(answer):
    return {each["name"]: each["similar"] for each in answer["questions"]}


def test_a_class_in_other_letter_case_than_a_label_is_not_imported_unasked(
    mia, slide, project, label_factory
):
    label = label_factory(project, "Tumour")
    rows = [feature(square(), classification="TUMOUR"), feature(square(200), classification="Other")]
    shown = {row["name"]: row for row in send(mia, slide, rows, preview=True)["classes"]}
    assert (shown["TUMOUR"]["is_question"], shown["Other"]["is_question"]) == (True, False)
    assert [each["name"] for each in shown["TUMOUR"]["similar"]] == ["Tumour"]
    for create in ("true", "false"):
        refused = send(mia, slide, rows, status=422, create_labels=create)
        assert (refused["code"], refused["field"]) == ("class_question", "mapping")
        assert asked(refused) == {"TUMOUR": ["Tumour"]}
        assert "'TUMOUR'" in refused["detail"]
        assert "'Tumour'" in refused["detail"]
    assert (Annotation.objects.count(), names()) == (0, ["Tumour"])
    same = send(mia, slide, rows[:1], mapping={"TUMOUR": str(label.pk)})
    assert (same["created"], same["labels_created"]) == (1, [])


@pytest.mark.parametrize("answer", ["new", "own"])
def test_a_class_becomes_a_label_of_its_own_once_the_person_says_so(
    mia, slide, project, label_factory, answer
):
    label_factory(project, "Tumour")
    rows = [feature(square(), classification="TUMOUR")]
    assert send(mia, slide, rows, create_labels="true", mapping={"TUMOUR": answer})["created"] == 1
    assert names() == ["TUMOUR", "Tumour"]
    assert Annotation.objects.get().label.name == "TUMOUR"


def test_classes_of_one_file_are_asked_about_both(mia, slide):
    shown = send(mia, slide, NERVES, preview=True, create_labels="true")["classes"]
    assert all(row["is_question"] for row in shown)
    refused = send(mia, slide, NERVES, status=422, create_labels="true")
    assert asked(refused) == {"nerve": ["Nerve"], "Nerve": ["nerve"]}
    half = send(mia, slide, NERVES, status=422, create_labels="true", mapping={"nerve": "new"})
    assert asked(half) == {"Nerve": ["nerve"]}
    both = send(mia, slide, NERVES, create_labels="true", mapping={"nerve": "new", "Nerve": "new"})
    assert both["labels_created"] == ["nerve", "Nerve"]
    assert names() == ["Nerve", "nerve"]


def test_an_annotator_is_not_asked_about_classes_that_are_left_out_anyway(ann, slide):
    result = send(ann, slide, [*NERVES, feature(square(400))], create_labels="true")
    assert (result["created"], result["skipped_count"], names()) == (1, 2, [])


def test_a_retired_label_is_asked_about_too(mia, slide, project, label_factory):
    label_factory(project, "Old")
    Label.objects.update(retired_at=timezone.now())
    rows = [feature(square(), classification="OLD")]
    assert asked(send(mia, slide, rows, status=422, create_labels="true")) == {"OLD": ["Old"]}
    assert send(mia, slide, rows, mapping={"OLD": "new"})["labels_created"] == ["OLD"]


def test_an_exported_label_id_answers_for_a_label_that_was_renamed_in_case(
    mia, slide, project, label_factory
):
    draw(mia, slide, label=label_factory(project, "tumour"))
    content = export(mia, slide)
    Label.objects.update(name="Tumour")
    assert send(mia, slide, content, create_labels="true")["already_there"] == 1
    assert names() == ["Tumour"]


@pytest.mark.parametrize("kind", ["geojson", "parquet"])
def test_the_job_of_an_object_set_fails_with_the_question(mia, slide, project, run_jobs, label_factory, kind):
    label = label_factory(project, "Tumour")
    content, name = file_of(kind, [("TUMOUR", SHAPE), ("cell", SHAPE), ("Cell", SHAPE)])
    shown = {row["name"]: row["is_question"] for row in preview(mia, slide, content, name)["classes"]}
    assert shown == {"TUMOUR": True, "cell": True, "Cell": True}
    job = imported(mia, slide, run_jobs, content, name)
    assert (job.state, job.error_code) == ("failed", "class_question")
    assert "letter case only" in str(job.error)
    assert ObjectSet.objects.count() == 0
    mapping = json.dumps({"TUMOUR": str(label.pk), "cell": "own", "Cell": "own"})
    assert imported(mia, slide, run_jobs, content, name, mapping=mapping).state == "succeeded"
    assert counts_of(ObjectSet.objects.get()) == {"Tumour": 1, "cell": 1, "Cell": 1}
    assert names() == ["Tumour"]


def test_a_class_after_the_rows_of_a_preview_keeps_its_own_name_and_is_reported(
    mia, slide, project, run_jobs, label_factory, monkeypatch
):
    label_factory(project, "Tumour")
    monkeypatch.setattr(object_jobs, "PREVIEWED_ROWS", 0)
    job = imported(mia, slide, run_jobs, *file_of("geojson", [("TUMOUR", SHAPE), ("TUMOUR", SHAPE)]))
    assert counts_of(ObjectSet.objects.get()) == {"TUMOUR": 2}
    assert ObjectSet.objects.get().labels[0]["label_id"] is None
    [reason] = job.result["report"]["reasons"]
    assert (reason["count"], reason["reason"]["code"]) == (2, "class_keeps_own_name")
    assert job.result["report"]["rows_left_out"] == 2


def test_a_file_that_a_job_turns_into_annotations_is_asked_about_too(
    mia, slide, project, run_jobs, label_factory, monkeypatch
):
    monkeypatch.setattr("server.exchange.slide_files.READ_AT_ONCE", 10)
    label_factory(project, "Tumour")
    file = io.BytesIO(json.dumps(collection(feature(square(), classification="TUMOUR"))).encode())
    file.name = "file.geojson"
    body = {"file": file, "create_labels": "true"}
    answer = mia.post(f"{API}/slides/{slide.pk}/import", body, format="multipart")
    assert answer.status_code == 202
    run_jobs()
    assert Job.objects.get(pk=answer.json()["job_id"]).error_code == "class_question"
    assert (Annotation.objects.count(), ObjectSet.objects.count(), names()) == (0, 0, ["Tumour"])


def test_the_files_of_two_slides_are_asked_about_before_either_is_imported(mia, project, slide, twin):
    content = packed(slide=collection(NERVES[0]), twin=collection(NERVES[1]))
    shown = post(mia, project, content, preview=True, create_labels="true")
    assert all(row["is_question"] for row in shown["classes"])
    refused = post(mia, project, content, status=422, create_labels="true")
    assert asked(refused) == {"nerve": ["Nerve"], "Nerve": ["nerve"]}
    assert (Annotation.objects.count(), names()) == (0, [])
    mapping = json.dumps({"nerve": "new", "Nerve": "new"})
    assert not any(
        row["is_question"] for row in post(mia, project, content, preview=True, mapping=mapping)["classes"]
    )
    answer = post(mia, project, content, mapping=mapping)
    assert [part["error"] for part in answer["slides"]] == [None, None]
    assert names() == ["Nerve", "nerve"]
    assert sorted(annotation.label.name for annotation in Annotation.objects.all()) == ["Nerve", "nerve"]
