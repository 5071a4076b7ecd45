"""Import of a project's export into a project: each file to its slide, the others reported."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from server.annotations.models import Annotation, Region
from server.jobs.models import Job
from server.projects.models import Label
from tests.server.exchange.rows import feature
from tests.server.exchange.test_geojson import API, square
from tests.server.exchange.test_import_identity import declare, draw

pytestmark = pytest.mark.django_db


def download(client, project):
    return b"".join(client.get(f"{API}/projects/{project.pk}/export").streaming_content)


def post(client, project, content, *, preview=False, status=200, **fields):
    if isinstance(content, bytes):
        fields["file"] = io.BytesIO(content)
        fields["file"].name = "annotations.zip"
    else:
        fields["upload"] = content
    address = f"{API}/projects/{project.pk}/import" + ("/preview" if preview else "")
    answer = client.post(address, fields, format="multipart")
    assert answer.status_code == status, answer.content[:500]
    return answer.json()


def packed(**files):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.geojson", json.dumps(content))
    return sink.getvalue()


def collection(*features, sha256=""):
    of = {"slide": {"sha256": sha256}} if sha256 else {}
    return {"type": "FeatureCollection", **of, "features": list(features)}


def outcome(answer):
    return {
        part["slide_name"]: (part["matched_by"], part["report"]["created"], part["report"]["already_there"])
        for part in answer["slides"]
    }


def test_the_export_of_a_project_comes_back_at_once(mia, project, slide, twin, label_factory):
    draw(mia, slide, label=label_factory(project, "Tumour"))
    draw(mia, twin, geometry=square(400))
    draw(mia, twin, geometry=square(600))
    declare(mia, twin, square(300, 300, 400))
    content = download(mia, project)
    assert outcome(post(mia, project, content)) == {"slide": ("content", 0, 1), "twin": ("content", 0, 3)}
    Annotation.objects.all().delete()
    Region.objects.all().delete()
    preview = post(mia, project, content, preview=True)
    assert outcome(preview) == {"slide": ("content", 1, 0), "twin": ("content", 3, 0)}
    assert (preview["counted"], Annotation.objects.count()) == (4, 0)
    assert [(row["name"], row["count"]) for row in preview["classes"]] == [("Tumour", 1)]
    answer = post(mia, project, preview["upload"])
    assert outcome(answer) == outcome(preview)
    assert answer["left_out"] == []
    assert (slide.annotations.count(), twin.annotations.count(), twin.regions.count()) == (1, 2, 1)


def test_an_export_comes_to_another_project_with_its_labels(
    mia, project, slide, label_factory, project_factory, slide_factory
):
    draw(mia, slide, label=label_factory(project, "Tumour"))
    draw(mia, slide, geometry=square(500))
    other = project_factory("Other", manager="mia")
    same = slide_factory(other, "renamed", width=1000, height=800, sha256=slide.sha256)
    answer = post(mia, other, download(mia, project), create_labels=True)
    assert outcome(answer) == {"renamed": ("content", 2, 0)}
    assert sorted(str(one.label) for one in same.annotations.all()) == ["None", "Tumour"]
    assert Label.objects.filter(project=other).count() == 1


def test_files_go_by_name_where_the_content_is_another_and_the_others_are_named(mia, project, slide, twin):
    shapes = [feature(square(10 * number)) for number in range(3)]
    content = packed(
        SLIDE=collection(shapes[0], sha256="f" * 64),
        twin=collection(*shapes),
        stranger=collection(shapes[1]),
        second=collection(shapes[2], sha256=twin.sha256),
    )
    answer = post(mia, project, content)
    assert outcome(answer) == {"slide": ("name", 1, 0), "twin": ("content", 1, 0)}
    assert {one["file"]: one["reason"]["code"] for one in answer["left_out"]} == {
        "stranger.geojson": "part_without_slide",
        "twin.geojson": "part_is_second",
    }


def test_a_refused_file_does_not_hold_back_the_others(mia, project, slide, twin):
    content = packed(slide={"type": "FeatureCollection", "features": 7}, twin=collection(feature()))
    parts = {part["slide_name"]: part for part in post(mia, project, content)["slides"]}
    assert (parts["twin"]["report"]["created"], parts["twin"]["error"]) == (1, None)
    assert parts["slide"]["report"] is None
    assert parts["slide"]["error"]["code"]


def test_a_slide_with_very_many_objects_is_read_by_a_job(mia, project, slide, twin, run_jobs, monkeypatch):
    monkeypatch.setattr("server.exchange.formats.files.MOST_FEATURES", 2)
    content = packed(
        slide=collection(*[feature(square(10 * number)) for number in range(3)]), twin=collection(feature())
    )
    preview = post(mia, project, content, preview=True)
    assert [part["becomes_objects"] for part in preview["slides"]] == [True, False]
    answer = post(mia, project, content)
    assert answer["slides"][0]["report"]["job_id"] == str(Job.objects.get().pk)
    assert answer["slides"][1]["report"]["job_id"] is None
    run_jobs()
    assert Job.objects.get().result["count"] == 3


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"no archive", "archive_broken"),
        (packed(), "archive_incomplete"),
    ],
)
def test_a_file_that_is_no_export_is_refused(mia, project, content, code):
    assert post(mia, project, content, status=422)["message"]["code"] == code


def test_an_archive_is_read_in_a_child_alone(mia, project, slide, monkeypatch):
    content = packed(slide=collection(feature()))

    def refuse(*_, **__):
        message = "a web process opened a stranger's archive"
        raise AssertionError(message)

    monkeypatch.setattr(zipfile.ZipFile, "__init__", refuse)
    preview = post(mia, project, content, preview=True)
    assert outcome(preview) == {"slide": ("name", 1, 0)}
    assert outcome(post(mia, project, preview["upload"])) == {"slide": ("name", 1, 0)}


def test_an_archive_of_too_many_files_is_refused(mia, project):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for number in range(10_001):
            archive.writestr(f"{number}.json", b"")
    assert post(mia, project, sink.getvalue(), status=422)["message"]["code"] == "archive_of_too_many"


@pytest.mark.parametrize(
    ("stated", "code"), [(10, "archive_broken"), (2**31, "archive_too_large")], ids=["less", "more"]
)
def test_a_size_that_an_archive_states_is_not_believed(mia, project, slide, stated, code):
    content = bytearray(packed(slide=collection(feature())))
    entry = content.index(b"PK\1\2")
    # Offset 24 of an entry of the central directory: the size when unpacked.
    content[entry + 24 : entry + 28] = stated.to_bytes(4, "little")
    assert post(mia, project, bytes(content), status=422)["message"]["code"] == code
    assert not Annotation.objects.exists()


def test_the_histoml_of_one_slide_is_for_that_slide(mia, project, slide):
    draw(mia, slide)
    content = b"".join(mia.get(f"{API}/slides/{slide.pk}/export.histoml").streaming_content)
    assert "one slide" in post(mia, project, content, status=422)["detail"]


def test_slides_of_others_are_not_seen(mia, project, slide, project_factory, slide_factory):
    stranger = project_factory("Strangers", manager="sam")
    slide_factory(stranger, "hidden", sha256="e" * 64)
    answer = post(mia, project, packed(hidden=collection(feature(), sha256="e" * 64)))
    assert (answer["slides"], [one["file"] for one in answer["left_out"]]) == ([], ["hidden.geojson"])
