"""Import of every real file: its outcome and message."""

from __future__ import annotations

import hashlib
import io
import math
import uuid

import pytest
from django.core.management import call_command
from PIL import Image

from ml.messages import Message
from server.core.files.storage import storage_path
from server.jobs.models import Job
from server.jobs.services import sweep_jobs
from server.slides.models import Slide, Upload
from tests.material import write_plain_slide
from tests.server.slides.conftest import API, append, begin, send

pytestmark = pytest.mark.django_db

CMU = "cmu-1-small-region"


def bring_folder(client, project, files, folder="drop"):
    """Upload a folder: each file with its relative path, then the end of the drop."""
    for relative, path in files.items():
        send(client, project, path, filename=path.name, folder=folder, relative_path=relative)
    address = f"{API}/projects/{project.pk}/uploads/finish"
    return with_commit(lambda: client.post(address, {"folder": folder}, format="json"))


def files_below(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_real_aperio_slide(mia, project, gallery, run_jobs, data):
    path = data / "slides" / f"{CMU}.svs"
    answer = send(mia, project, path, case="P-17")
    [importing] = gallery()
    assert (importing["state"], importing["thumbnail"]) == ("importing", None)
    assert answer["Coverslip-Slide"] == importing["id"]
    assert mia.get(f"{API}/slides/{importing['id']}/viewer").json()["code"] == "slide_not_ready"
    run_jobs()
    [slide] = gallery()
    assert (slide["state"], slide["name"], slide["case"]["pseudonym"]) == ("ready", CMU, "P-17")
    assert (slide["width"], slide["height"], slide["mpp_x"], slide["mpp_y"]) == (2220, 2967, 0.499, 0.499)
    assert (slide["magnification"], slide["format"]) == (20.0, "Aperio SVS")
    assert slide["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert slide["size_bytes"] == path.stat().st_size
    assert 0.3 < slide["tissue_fraction"] < 1
    assert 0 <= slide["focus_score"] <= 1
    # Nobody wrote on this slide.
    assert 0 <= slide["pen_score"] < 0.05
    assert mia.get(f"{API}/jobs/{slide['import_job_id']}").json()["result"]["outcome"] == "imported"
    check_thumbnail_and_tissue(mia, slide)


def check_thumbnail_and_tissue(mia, slide):
    answer = mia.get(slide["thumbnail"])
    picture = Image.open(io.BytesIO(answer.content))
    assert answer["Content-Type"] == "image/jpeg"
    assert max(picture.size) <= 512
    assert math.isclose(picture.width / picture.height, 2220 / 2967, rel_tol=0.02)
    again = mia.get(slide["thumbnail"], HTTP_IF_NONE_MATCH=answer["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    tissue = mia.get(f"{API}/slides/{slide['id']}/tissue").json()["geometry"]
    assert tissue["type"] == "MultiPolygon"
    points = [point for polygon in tissue["coordinates"] for ring in polygon for point in ring]
    assert all(0 <= x <= 2220 and 0 <= y <= 2967 for x, y in points)


def test_a_dicom_series_is_one_slide_and_its_label_and_overview_are_not_kept(
    mia, project, gallery, run_jobs, data, home
):
    folder = data / "slides" / f"{CMU}-dicom"
    files = {f"series/{path.name}": path for path in sorted(folder.iterdir())}
    answer = bring_folder(mia, project, files).json()
    assert [slide["name"] for slide in answer["slides"]] == ["series"]
    assert len(answer["refused"]) == 3
    assert all("never kept" in item["why"]["text"] for item in answer["refused"])
    run_jobs()
    [slide] = gallery()
    assert (slide["state"], slide["format"]) == ("ready", "DICOM")
    assert (slide["width"], slide["height"]) == (2220, 2967)
    assert (slide["mpp_x"], slide["mpp_y"]) == (0.499, 0.499)
    assert slide["magnification"] == 20.0
    stored = files_below(home / "storage")
    assert [name for name in stored if name.endswith(".dcm")] == [
        f"slides/{slide['sha256']}/content/0001.dcm"
    ]
    assert not any(name.startswith("uploads/") for name in stored)


def test_a_dicom_label_alone_is_no_slide(mia, project, gallery, run_jobs, data):
    import pydicom

    for path in (data / "slides" / f"{CMU}-dicom").iterdir():
        if "VOLUME" not in pydicom.dcmread(path, stop_before_pixels=True).ImageType:
            send(mia, project, path)
    run_jobs()
    slides = gallery()
    assert [slide["state"] for slide in slides] == ["failed"] * 3
    assert all("DICOM" in slide["failure"]["text"] for slide in slides)


def test_a_tiff_without_resolution_is_told_apart_from_one_with(mia, project, gallery, run_jobs, data):
    send(mia, project, data / "slides" / "colorectal-mosaic.tif")
    run_jobs()
    [slide] = gallery()
    assert (slide["width"], slide["height"], slide["format"]) == (4480, 3584, "Tiled TIFF")
    assert (slide["mpp_x"], slide["mpp_y"], slide["magnification"]) == (None, None, None)
    body = {"resolution": {"x": 0.5, "y": 0.5}}
    changed = mia.patch(f"{API}/slides/{slide['id']}", body, format="json").json()
    assert (changed["mpp_x"], changed["mpp_y"], changed["magnification"]) == (0.5, 0.5, 20)


def test_the_same_content_twice_is_one_slide_and_said_so(mia, project, gallery, run_jobs, data, home):
    path = data / "broken" / "boxes.tiff"
    send(mia, project, path)
    run_jobs()
    [original] = gallery()
    send(mia, project, path, filename="copy of boxes.tiff", case="another")
    run_jobs()
    assert [slide["id"] for slide in gallery()] == [original["id"]]
    [second] = [job for job in Job.objects.filter(kind="import_slide") if "copy" in str(job.title)]
    assert second.state == "succeeded"
    assert second.result["outcome"] == "duplicate"
    assert second.result["slide_id"] == original["id"]
    assert second.result["name"] == original["name"]
    assert "copy of boxes" in second.result["detail"]
    assert "same content" in second.result["detail"]
    assert mia.get(f"{API}/projects/{project.pk}/cases").json()["count"] == 1
    assert [name for name in files_below(home / "storage") if name.startswith("uploads/")] == []


def test_two_imports_of_the_same_content_at_once_make_one_slide(
    mia, project, gallery, run_jobs, data, monkeypatch
):
    """The second one runs completely while the first one is reading the file."""
    from server.jobs.runner import run_job
    from server.slides.imports import steps as importing

    for number in (1, 2):
        send(mia, project, data / "broken" / "boxes.tiff", filename=f"boxes {number}.tiff")
    first, second = Job.objects.filter(kind="import_slide").order_by("created_at")
    examine = importing.examine

    def meanwhile(*args):
        monkeypatch.setattr(importing, "examine", examine)
        run_job(second.pk, with_heart=False)
        return examine(*args)

    monkeypatch.setattr(importing, "examine", meanwhile)
    run_job(first.pk, with_heart=False)
    [slide] = gallery()
    assert slide["state"] == "ready"
    outcomes = [Job.objects.get(pk=job.pk).result["outcome"] for job in (first, second)]
    assert outcomes == ["duplicate", "imported"]


def test_the_same_content_in_two_projects_is_stored_once_and_outlives_one_of_them(
    mia, project, project_factory, api, run_jobs, data, home
):
    other = project_factory("Other", manager="max")
    max_ = api(other.memberships.get().user)
    path = data / "broken" / "boxes.tiff"
    send(mia, project, path)
    send(max_, other, path)
    run_jobs()
    mine, theirs = Slide.objects.get(project=project), Slide.objects.get(project=other)
    assert mine.sha256 == theirs.sha256
    assert mia.get(f"{API}/slides/{theirs.pk}").status_code == 404
    with_commit(lambda: mia.delete(f"{API}/slides/{mine.pk}"))
    assert max_.get(f"{API}/slides/{theirs.pk}/thumbnail.jpg").status_code == 200
    with_commit(lambda: max_.delete(f"{API}/slides/{theirs.pk}"))
    assert not [name for name in files_below(home / "storage") if name.startswith("slides/")]


def with_commit(act):
    """Call a function and run its on-commit callbacks."""
    from django.test import TestCase

    with TestCase.captureOnCommitCallbacks(execute=True):
        return act()


BROKEN = {
    "broken.svs": ("not_a_slide", "not a slide"),
    "unopenable.tiff": (
        "unsupported",
        "compressed with 52479, which is not supported. The file is not damaged",
    ),
    "unreadable.svs": ("unreadable", "damaged or incomplete"),
}


def test_broken_files_fail_with_a_sentence_are_kept_and_disturb_nothing(
    mia, project, gallery, run_jobs, data, home
):
    send(mia, project, data / "broken" / "boxes.tiff", filename="a good one.tiff")
    for name in BROKEN:
        send(mia, project, data / "broken" / name, filename=f"bad {name}")
    run_jobs()
    good, *bad = gallery()
    assert good["state"] == "ready"
    assert [slide["name"] for slide in bad] == [f"bad {name.partition('.')[0]}" for name in sorted(BROKEN)]
    for slide, name in zip(bad, sorted(BROKEN), strict=True):
        assert (slide["state"], slide["thumbnail"], slide["sha256"]) == ("failed", None, "")
        code, words = BROKEN[name]
        assert words in slide["failure"]["text"]
        assert slide["failure_code"] == code
        assert slide["failure"]["text"].endswith(".")
        # Messages have a text in each language: tests/ml/test_messages.py.
        assert slide["failure"]["code"]
        job = mia.get(f"{API}/jobs/{slide['import_job_id']}").json()
        assert (job["state"], job["error_code"]) == ("failed", code)
        assert job["error"]["text"] == slide["failure"]["text"]
        assert job["error"]["code"] == slide["failure"]["code"]
        [key] = Job.objects.get(pk=slide["import_job_id"]).input["files"].values()
        kept = storage_path(key)
        assert kept.read_bytes() == (data / "broken" / name).read_bytes()
        for what in ("viewer", "tissue", "thumbnail.jpg"):
            answer = mia.get(f"{API}/slides/{slide['id']}/{what}")
            assert (answer.status_code, answer.json()["code"]) == (422, "slide_not_ready")
            assert answer.json()["detail"] == slide["failure"]["text"]
        with_commit(lambda slide=slide: mia.delete(f"{API}/slides/{slide['id']}"))
        assert not kept.exists()
    assert [n for n in files_below(home / "storage") if n.startswith("uploads/")] == []
    assert [slide["id"] for slide in gallery()] == [good["id"]]


def test_an_emoji_name_and_a_tiny_valid_file(mia, project, gallery, run_jobs, data):
    send(mia, project, data / "broken" / "😐.svs")
    send(mia, project, data / "broken" / "boxes.tiff")
    run_jobs()
    boxes, face = gallery()
    assert face["name"] == "😐"
    assert (boxes["state"], boxes["width"], boxes["height"]) == ("ready", 300, 250)
    # Too small to say how sharp it is: null, on every database.
    scores = {slide[name] for slide in (boxes, face) for name in ("focus_score", "pen_score")}
    assert all(score is None or 0 <= score <= 1 for score in scores)
    assert mia.get(boxes["thumbnail"]).status_code == 200
    assert (face["state"], face["width"], face["height"]) == ("ready", 16, 16)
    assert mia.get(face["thumbnail"]).status_code == 200


def test_a_failed_import_is_tried_again_from_what_was_kept(
    mia, project, gallery, run_jobs, data, home, monkeypatch
):
    from server.slides.imports import steps as importing
    from server.slides.tiles.sources import UnreadableSlideError

    def fail(*_):
        message = Message("verbatim", text="The disk was away.")
        raise UnreadableSlideError(message)

    with monkeypatch.context() as patched:
        patched.setattr(importing, "examine", fail)
        send(mia, project, data / "broken" / "boxes.tiff")
        run_jobs()
    [failed] = gallery()
    assert failed["failure"]["text"] == "The disk was away."
    assert mia.post(f"{API}/jobs/{failed['import_job_id']}/retry").status_code == 200
    run_jobs()
    [slide] = gallery()
    assert (slide["id"], slide["state"], slide["failure"]) == (failed["id"], "ready", None)
    assert not [name for name in files_below(home / "storage") if name.startswith("uploads/")]


def test_a_slide_deleted_before_its_import_leaves_no_file(mia, project, gallery, run_jobs, data, home):
    send(mia, project, data / "broken" / "boxes.tiff")
    [slide] = gallery()
    assert mia.delete(f"{API}/slides/{slide['id']}").status_code == 204
    run_jobs()
    assert Job.objects.get(kind="import_slide").state == "succeeded"
    assert files_below(home / "storage") == []


def test_a_slide_deleted_in_the_middle_of_its_import_leaves_no_file(
    mia, project, gallery, run_jobs, data, home, monkeypatch
):
    from server.slides.imports import steps as importing

    examine = importing.examine

    def meanwhile(*args):
        [slide] = gallery()
        with_commit(lambda: mia.delete(f"{API}/slides/{slide['id']}"))
        return examine(*args)

    monkeypatch.setattr(importing, "examine", meanwhile)
    send(mia, project, data / "broken" / "boxes.tiff")
    run_jobs()
    job = Job.objects.get(kind="import_slide")
    assert (job.state, job.result["outcome"]) == ("succeeded", "deleted")
    assert files_below(home / "storage") == []


def test_a_cancelled_import_keeps_the_file_and_can_be_tried_again(
    mia, project, gallery, run_jobs, data, monkeypatch
):
    from server.slides.imports import steps as importing

    examine = importing.examine

    def cancel(path, folder, tick):
        [slide] = gallery()
        assert mia.post(f"{API}/jobs/{slide['import_job_id']}/cancel").status_code == 200
        tick()
        return examine(path, folder, tick)

    monkeypatch.setattr("server.jobs.runner.REPORT_EVERY_SECONDS", 0)
    monkeypatch.setattr(importing, "examine", cancel)
    send(mia, project, data / "broken" / "boxes.tiff")
    run_jobs()
    [slide] = gallery()
    assert (slide["state"], slide["failure"]["text"]) == ("failed", "The import was cancelled.")
    monkeypatch.setattr(importing, "examine", examine)
    mia.post(f"{API}/jobs/{slide['import_job_id']}/retry")
    run_jobs()
    assert gallery()[0]["state"] == "ready"


def test_a_worker_that_was_given_up_does_not_fail_the_import_of_its_successor(
    mia, project, gallery, run_jobs, data, monkeypatch
):
    """Its heartbeat stopped, the sweep requeued the job, and then it wakes up."""
    from server.slides.imports import steps as importing

    examine = importing.examine

    def sleep_too_long(path, folder, tick):
        monkeypatch.setattr(importing, "examine", examine)
        Job.objects.filter(state="running").update(heartbeat_at="2020-01-01T00:00:00Z")
        assert sweep_jobs()["taken_back"] == 1
        tick()

    monkeypatch.setattr("server.jobs.runner.REPORT_EVERY_SECONDS", 0)
    monkeypatch.setattr(importing, "examine", sleep_too_long)
    send(mia, project, data / "broken" / "boxes.tiff")
    from server.jobs.runner import run_job

    job = Job.objects.get(kind="import_slide")
    run_job(job.pk, with_heart=False)
    assert gallery()[0]["state"] == "importing"
    run_jobs()
    [slide] = gallery()
    assert slide["state"] == "ready"
    assert Job.objects.get(pk=job.pk).attempt == 2


def test_a_file_that_vanished_from_the_storage_is_said(mia, project, gallery, run_jobs, data):
    send(mia, project, data / "broken" / "boxes.tiff")
    storage_path(Upload.objects.get().storage_key).unlink()
    run_jobs()
    [slide] = gallery()
    assert slide["state"] == "failed"
    assert "bring them again" in slide["failure"]["text"]


def test_a_folder_with_nothing_to_import_says_which_files_were_left(mia, project, data, tmp_path):
    for name in ("notes.txt", "table.csv"):
        (tmp_path / name).write_text("no slide")
    answer = bring_folder(mia, project, {f"d/{name}": tmp_path / name for name in ("notes.txt", "table.csv")})
    body = answer.json()
    assert body["slides"] == []
    assert [item["name"] for item in body["refused"]] == ["d/notes.txt", "d/table.csv"]
    unknown = mia.post(f"{API}/projects/{project.pk}/uploads/finish", {"folder": "never"}, format="json")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "nothing_to_import")


def test_the_command_imports_each_slide_of_a_folder(project, user_factory, gallery, run_jobs, tmp_path):
    user_factory("root", administrator=True)
    for number in (1, 2):
        write_plain_slide(tmp_path / f"section-{number}.tif", 512, mpp=0.25 * number)
    call_command("import_slides", str(tmp_path), project=str(project.pk), verbosity=0)
    run_jobs()
    assert [(one["name"], one["state"]) for one in gallery()] == [
        ("section-1", "ready"), ("section-2", "ready"),
    ]  # fmt: skip


def test_a_folder_waits_for_its_last_file(mia, project, data):
    path = data / "broken" / "boxes.tiff"
    send(mia, project, path, folder="drop", relative_path="d/boxes.tiff")
    late = begin(mia, project, 10, "late.svs", folder="drop", relative_path="d/late.svs")
    finish = f"{API}/projects/{project.pk}/uploads/finish"
    answer = mia.post(finish, {"folder": "drop"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "upload_unfinished")
    append(mia, late["Location"], b"0123456789")
    done = mia.post(finish, {"folder": "drop"}, format="json").json()
    assert {slide["name"] for slide in done["slides"]} == {"boxes", "late"}


def test_filters_and_order_of_the_gallery(mia, project, slide_factory):
    one = slide_factory(project, "Beta", case="K1", progress_state="finished")
    two = slide_factory(project, "alpha", case="K2")
    slide_factory(project, "failed one", case="K2", state="failed")
    address = f"{API}/projects/{project.pk}/slides"

    def names(**query):
        answer = mia.get(address, query)
        assert answer.status_code == 200, answer.json()
        return [slide["name"] for slide in answer.json()["results"]]

    assert names(search="BET") == ["Beta"]
    assert names(state="failed") == ["failed one"]
    assert names(case="k2", state="ready") == ["alpha"]
    assert names(progress_state="finished") == ["Beta"]
    assert names(ordering="-created_at")[-1] == "Beta"
    assert mia.get(address, {"state": "nonsense"}).status_code == 400
    assert {one.pk, two.pk} < set(Slide.objects.values_list("pk", flat=True))


def test_managers_edit_slides_and_annotators_set_progress(mia, api, user_factory, project, slide_factory):
    slide = slide_factory(project, "a", case="old")
    address = f"{API}/slides/{slide.pk}"
    body = {"name": " Renamed ", "case": "new", "progress_state": "in_progress"}
    changed = mia.patch(address, body, format="json").json()
    assert (changed["name"], changed["case"]["pseudonym"]) == ("Renamed", "new")
    cases = mia.get(f"{API}/projects/{project.pk}/cases").json()["results"]
    assert [case["pseudonym"] for case in cases] == ["new"]
    ann = api(user_factory("ann"))
    assert ann.patch(address, {"name": "mine"}, format="json").status_code == 403
    marked = ann.patch(address, {"progress_state": "finished"}, format="json")
    assert marked.json()["progress_state"] == "finished"
    for wrong in ({"name": ""}, {"progress_state": "done"}, {"case": "x" * 101}):
        assert mia.patch(address, wrong, format="json").status_code == 400
    assert mia.get(f"{API}/slides/{uuid.uuid4()}").status_code == 404
