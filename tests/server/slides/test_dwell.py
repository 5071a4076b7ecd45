"""Viewing records: stored with consent alone, visible to nobody else, deleted with the consent."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
from shapely.geometry import shape

from ml.__main__ import main
from server.audit.models import AuditRecord
from server.slides.models import DwellView

pytestmark = pytest.mark.django_db

API = "/api/v1"
LONG = {"x": 512, "y": 256, "width": 800, "height": 600, "scale": 1.0, "milliseconds": 4000}
SHORT = {"x": 0, "y": 1000, "width": 800, "height": 600, "scale": 1.0, "milliseconds": 300}


@pytest.fixture
def project(project_factory):
    return project_factory(annotator="ann", manager="mia")


@pytest.fixture
def slide(project, slide_factory):
    return slide_factory(project, width=2048, height=2048)


@pytest.fixture
def ann(api, user_factory, project):
    return api(user_factory("ann"))


def store(client, slide, *views):
    return client.post(f"{API}/slides/{slide.pk}/dwell", {"views": list(views)}, format="json")


def test_nothing_is_stored_or_read_without_consent(ann, slide):
    assert ann.get(f"{API}/dwell").json() == {"since": None, "views": 0}
    answer = store(ann, slide, LONG)
    assert (answer.status_code, answer.json()["code"]) == (403, "no_dwell_consent")
    assert ann.get(f"{API}/slides/{slide.pk}/dwell/recording").status_code == 403
    assert not DwellView.objects.exists()


def test_views_are_the_persons_own_and_go_with_consent(ann, slide, api, user_factory):
    mia = api(user_factory("mia"))
    first = ann.put(f"{API}/dwell").json()
    assert first["since"] is not None
    assert ann.put(f"{API}/dwell").json() == first
    assert store(ann, slide, LONG, SHORT).status_code == 201
    assert ann.get(f"{API}/slides/{slide.pk}/dwell").json()["views"] == [LONG, SHORT]
    assert ann.get(f"{API}/dwell").json()["views"] == 2
    # Not even a manager sees them, and somebody else's withdrawal leaves them.
    assert mia.get(f"{API}/slides/{slide.pk}/dwell").json()["views"] == []
    assert store(mia, slide, LONG).status_code == 403
    assert mia.delete(f"{API}/dwell").status_code == 204
    assert DwellView.objects.count() == 2

    assert ann.delete(f"{API}/dwell").status_code == 204
    assert not DwellView.objects.exists()
    assert ann.get(f"{API}/dwell").json() == {"since": None, "views": 0}
    assert store(ann, slide, LONG).status_code == 403
    told = list(AuditRecord.objects.filter(action__startswith="dwell.").values_list("action", "details"))
    assert told == [("dwell.consent", {}), ("dwell.withdraw", {"views": 2})]


@pytest.mark.parametrize(
    "change", [{"milliseconds": 0}, {"width": 0}, {"scale": -1}, {"x": 1e12}, {"x": "far"}]
)
def test_views_that_are_none_are_refused(change, ann, slide):
    ann.put(f"{API}/dwell")
    assert store(ann, slide, {**LONG, **change}).status_code == 400
    assert store(ann, slide).status_code == 400
    assert not DwellView.objects.exists()


def test_a_recording_is_read_by_the_gaze_tool_and_its_boxes_are_suggestions_until_they_are_reviewed(
    ann, mia, slide, tmp_path, label_factory, run_jobs
):
    ann.put(f"{API}/dwell")
    store(ann, slide, LONG)
    recording = tmp_path / "gaze.json"
    recording.write_bytes(ann.get(f"{API}/slides/{slide.pk}/dwell/recording").content)
    pixels = np.full((2048, 2048, 3), (190, 110, 170), np.uint8)
    resolution = {"resolution": (20_000, 20_000), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(tmp_path / "slide.tif", pixels, tile=(256, 256), photometric="rgb", **resolution)
    out = tmp_path / "boxes.geojson"
    arguments = [str(recording), "--slide", str(tmp_path / "slide.tif"), "--out", str(out), "--label", "Seen"]
    assert main(["run", "gaze", *arguments]) == 0
    [feature] = json.loads(out.read_text())["features"]
    left, top, right, bottom = shape(feature["geometry"]).bounds
    assert left < 912 < right
    assert top < 556 < bottom
    assert feature["properties"]["metadata"]["reviewed"] is False

    label_factory(slide.project, "Seen")
    with out.open("rb") as file:
        answer = ann.post(f"{API}/slides/{slide.pk}/import", {"file": file}, format="multipart")
    assert answer.status_code == 202
    run_jobs()
    assert ann.get(f"{API}/slides/{slide.pk}/annotations").json()["results"] == []
    [proposals] = ann.get(f"{API}/slides/{slide.pk}/object-sets").json()["results"]
    assert (proposals["source"], proposals["count"], proposals["state"]) == ("gaze", 1, "ready")
    [queued] = mia.get(f"{API}/projects/{slide.project_id}/review/queue").json()["results"]
    assert (queued["object_set_id"], queued["score"]) == (proposals["id"], 0.5)
    # Who brings proposals may not bring sets of another kind.
    with out.open("rb") as file:
        body = {"file": file, "become": "objects"}
        refused = ann.post(f"{API}/slides/{slide.pk}/import", body, format="multipart")
    assert refused.status_code == 403
