"""Preview and report of an import over the API; classes, scale, archives; every export is valid."""

from __future__ import annotations

import io
import json
import uuid
import zipfile

import numpy as np
import pytest
from shapely.geometry import shape

from server.annotations.models import Annotation, Region
from server.projects.models import Label
from tests.server.exchange.test_geojson import API, export, feature, square
from tests.server.exchange.test_import_identity import declare, draw, edit, send

pytestmark = pytest.mark.django_db

BOW = {"type": "Polygon", "coordinates": [[[0, 0], [90, 90], [90, 0], [0, 90], [0, 0]]]}


def classes(preview):
    return {row["name"]: (row["count"], row["label_name"] or row["target"]) for row in preview["classes"]}


def again(client, slide, upload, status=200, **fields):
    body = {"upload": upload, **{k: json.dumps(v) if isinstance(v, dict) else v for k, v in fields.items()}}
    answer = client.post(f"{API}/slides/{slide.pk}/import", body, format="multipart")
    assert answer.status_code == status, answer.content[:500]
    return answer.json()


def test_a_preview_keeps_nothing_and_the_import_gives_the_same_report(mia, slide, project, label_factory):
    label_factory(project, "Tumour")
    rows = [
        feature(square(), classification="Tumour"), feature(square(300), classification="Nerve"),
        feature(BOW), feature(square(5000)), {"type": "Feature", "geometry": None, "properties": {}},
    ]  # fmt: skip
    preview = send(mia, slide, rows, preview=True, create_labels="true")
    assert classes(preview) == {"Tumour": (1, "Tumour"), "Nerve": (1, "new")}
    assert (Annotation.objects.count(), Label.objects.count()) == (0, 1)
    assert len(preview["shapes"]) == 3
    report = again(mia, slide, preview["upload"], create_labels="true")
    assert report["rows"] == preview["report"]["rows"]
    for key in ("created", "mended", "skipped", "labels_created", "already_there"):
        assert report[key] == preview["report"][key], key
    assert (report["created"], report["mended"], len(report["skipped"])) == (3, 1, 2)


def test_the_file_of_a_preview_is_for_its_sender_and_slide_only(mia, ann, slide, project, slide_factory):
    upload = send(mia, slide, [feature(square())], preview=True)["upload"]
    other = slide_factory(project, "other")
    assert again(ann, slide, upload, 422)["code"] == "upload_gone"
    assert again(mia, other, upload, 422)["code"] == "upload_gone"
    assert again(mia, slide, upload + "x", 422)["code"] == "upload_gone"
    assert again(mia, slide, upload)["created"] == 1


def test_classes_go_where_the_person_sends_them(mia, slide, project, label_factory):
    tumour = label_factory(project, "Tumour")
    rows = [
        feature(square(x), classification=name) for x, name in ((0, "T"), (100, "N"), (200, "X"), (300, "Z"))
    ]
    mapping = {"T": str(tumour.pk), "N": "new", "X": "none", "Z": "skip"}
    result = send(mia, slide, rows, mapping=mapping)
    assert (result["created"], result["labels_created"]) == (3, ["N"])
    assert result["skipped"][0]["reason"]["text"] == "Its class 'Z' is left out."
    labels = {row.label and row.label.name for row in Annotation.objects.select_related("label")}
    assert labels == {"Tumour", "N", None}
    assert send(mia, slide, rows, mapping={"T": str(uuid.uuid4())}, status=422)["code"] == "bad_mapping"
    assert send(mia, slide, rows, mapping="[1]", status=400)["code"] == "invalid"


def test_an_annotator_imports_all_but_the_unknown_class(ann, slide):
    rows = [feature(square(), classification="Nerve"), feature(square(200))]
    result = send(ann, slide, rows, create_labels="true")
    assert (result["created"], result["labels_created"]) == (1, [])
    assert "'Nerve'" in result["skipped"][0]["reason"]["text"]
    assert send(ann, slide, rows, mapping={"Nerve": "none"})["created"] == 1


@pytest.mark.parametrize("factor", [4, 16, 0.25])
def test_a_wrong_scale_is_recognised_where_the_tissue_is_known(factor, mia, slide):
    slide.tissue = {"type": "MultiPolygon", "coordinates": [square(600, 500, 200)["coordinates"]]}
    slide.save()
    rows = [feature(square((620 + 30 * n) / factor, 540 / factor, 20 / factor)) for n in range(5)]
    preview = send(mia, slide, rows, preview=True)
    assert preview["scale"] == factor
    assert preview["report"]["warning"]["code"] == "placement_wrong_scale"
    right = send(mia, slide, rows, preview=True, scale=factor)
    assert (right["scale"], right["report"]["warning"], right["report"]["created"]) == (None, None, 5)


def test_a_wrong_slide_is_told_without_a_factor(mia, slide):
    slide.tissue = {"type": "MultiPolygon", "coordinates": [square(600, 500, 200)["coordinates"]]}
    slide.save()
    rows = [feature(square(10 + 200 * n, 5, 10)) for n in range(4)]
    assert send(mia, slide, rows, preview=True)["report"]["warning"]["code"] == "placement_wrong_slide"


def test_shapes_beyond_the_edge_are_kept_or_cut_as_the_person_chooses(mia, slide):
    rows = [feature(square(950, 100, 100)), feature(square(2000))]
    whole = send(mia, slide, rows, outside="keep")
    assert (whole["created"], whole["cut"], len(whole["skipped"])) == (1, 0, 1)
    [kept] = export(mia, slide)
    assert shape(kept["geometry"]).bounds == (950, 100, 1050, 200)
    Annotation.objects.all().delete()
    cut = send(mia, slide, rows, outside="cut")
    assert (cut["created"], cut["cut"], len(cut["skipped"])) == (1, 1, 1)
    [kept] = export(mia, slide)
    assert shape(kept["geometry"]).bounds == (950, 100, 1000, 200)


def test_strict_refuses_the_file_with_its_bad_rows(mia, slide):
    answer = send(mia, slide, [feature(square()), feature(square(5000))], strict="true", status=422)
    assert (answer["code"], [row["row"] for row in answer["rows"]]) == ("rows_refused", [1])
    assert Annotation.objects.count() == 0


def test_a_large_file_has_its_report_in_the_job(mia, slide, run_jobs, monkeypatch):
    from server.jobs.models import Job

    monkeypatch.setattr("server.exchange.slide_files.READ_AT_ONCE", 1)
    send(mia, slide, [feature(square()), feature(square(5000))], status=202)
    run_jobs()
    report = Job.objects.get().result["report"]
    assert (report["created"], [row["row"] for row in report["skipped"]]) == (1, [1])


def test_the_export_of_a_project_comes_back_slide_by_slide(mia, project, slide, slide_factory):
    other = slide_factory(project, "other", width=1000, height=800)
    draw(mia, slide)
    draw(mia, other, geometry=square(400))
    draw(mia, other, geometry=square(600))
    declare(mia, other, square(300, 300, 400))
    content = b"".join(mia.get(f"{API}/projects/{project.pk}/export").streaming_content)
    assert send(mia, slide, content, name="annotations.zip")["already_there"] == 1
    assert send(mia, other, content, name="annotations.zip")["already_there"] == 3
    Annotation.objects.all().delete()
    Region.objects.all().delete()
    assert send(mia, other, content, name="annotations.zip")["created"] == 3
    stranger = slide_factory(project, "stranger")
    answer = send(mia, stranger, content, name="annotations.zip", status=422)
    assert "no file for the slide stranger" in answer["detail"]


def test_every_exported_geometry_is_valid(mia, project, slide):
    """Including annotations and regions stored before outlines were repaired."""
    annotation = draw(mia, slide)
    declare(mia, slide, square(side=200))
    Annotation.objects.filter(pk=annotation.pk).update(geometry=BOW)
    Region.objects.update(geometry=BOW)
    archives = [
        mia.get(f"{API}/projects/{project.pk}/export"),
        mia.get(f"{API}/slides/{slide.pk}/export.histoml"),
    ]
    features = export(mia, slide)
    for answer in archives:
        with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
            for name in archive.namelist():
                if name.endswith(".geojson"):
                    features += json.loads(archive.read(name))["features"]
    assert len(features) == 6
    assert all(shape(item["geometry"]).is_valid and shape(item["geometry"]).area > 0 for item in features)


def test_objects_stored_before_outlines_were_mended_are_exported_valid(mia, slide, monkeypatch):
    from server.exchange.exports import selectors

    class Files:
        def columns(self):
            return {"label": np.zeros(2, int), "score": np.ones(2), "uncertainty": np.zeros(2)}

        def geometries(self, numbers):
            flat = {"type": "Polygon", "coordinates": [[[5, 5], [5, 5], [5, 5], [5, 5]]]}
            return [shape(BOW), shape(flat)]

    class Decisions:
        def kind_of(self, index):
            return "pending", None

    class Set:
        pk, count, producer_name = uuid.uuid4(), 2, "old"
        labels = ({"label_id": None, "name": "Cell", "colour": "#868e96"},)

    monkeypatch.setattr(selectors, "open_object_set", lambda _: Files())
    monkeypatch.setattr(selectors, "decisions_of", lambda _: Decisions())
    shapes = [shape(item["geometry"]) for item in selectors._suggestions(Set(), None)]
    assert [each.is_valid for each in shapes] == [True, True]
    assert [each.geom_type for each in shapes] == ["MultiPolygon", "Point"]


def test_most_shapes_off_the_slide_are_brought_onto_it_though_not_all_lie_on_tissue(mia, slide):
    slide.tissue = {"type": "MultiPolygon", "coordinates": [square(0, 420, 300)["coordinates"]]}
    slide.save()
    rows = [feature(square(x, 2000, 40)) for x in (100, 1500, 2500, 3500)]
    preview = send(mia, slide, rows, preview=True)
    assert (preview["scale"], preview["report"]["warning"]["code"]) == (0.25, "placement_wrong_scale")


def test_the_nucleus_of_a_cell_is_kept_exported_and_moves_with_its_cell(mia, slide, monkeypatch):
    from server.exchange.formats.shapes import ForeignShape
    from server.exchange.imports import services

    cell = ForeignShape(
        0, str(uuid.uuid4()), "polygon", square(side=50), None, None, "", nucleus=square(110, 110, 20),
        score=0.75, measurements={"Area": 2500.0},
    )  # fmt: skip
    monkeypatch.setattr(services, "read_rows_of_file", lambda *_, **__: [cell])
    assert send(mia, slide, b"{}")["created"] == 1
    [out] = export(mia, slide)
    assert shape(out["nucleusGeometry"]).equals(shape(square(110, 110, 20)))
    assert out["properties"]["objectType"] == "cell"
    assert out["properties"]["measurements"] == {"Area": 2500.0, "Area µm^2": 625.0, "score": 0.75}
    assert send(mia, slide, b"{}")["already_there"] == 1
    annotation = Annotation.objects.get()
    edit(mia, annotation, geometry=square(200, 300, 50))
    assert shape(export(mia, slide)[0]["nucleusGeometry"]).equals(shape(square(210, 310, 20)))
    edit(mia, annotation, geometry=square(200, 300, 20))
    assert shape(export(mia, slide)[0]["nucleusGeometry"]).equals(shape(square(210, 310, 10)))
    assert [row.nucleus is not None for row in annotation.revisions.all()] == [True, True, True]
