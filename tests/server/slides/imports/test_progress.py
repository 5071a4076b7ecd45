"""A slide is in progress from the first work on it, unless a user has set its state."""

from __future__ import annotations

import json
import uuid
from importlib import import_module

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile

from server.audit.models import AuditRecord
from server.slides.models import Slide
from tests.server.review.conftest import suggest  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db

API = "/api/v1"
SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [90, 0], [90, 90], [0, 90], [0, 0]]]}


@pytest.fixture
def place(project_factory, slide_factory, label_factory):
    project = project_factory(annotator="ann", reviewer="rob", manager="mia")
    slide = slide_factory(project)
    slide_factory(project, "another")
    return project, slide, label_factory(project)


@pytest.fixture
def work(place, api, user_factory, suggest):  # noqa: F811
    _, slide, label = place
    suggestions = suggest(slide, [label], [0.9, 0.8])
    ann, rob = api(user_factory("ann")), api(user_factory("rob"))
    drawing = {"id": str(uuid.uuid4()), "label_id": str(label.pk), "shape": "polygon", "geometry": SQUARE}

    def draw():
        return ann.post(f"{API}/slides/{slide.pk}/annotations", drawing, format="json")

    def declare():
        body = {"id": str(uuid.uuid4()), "geometry": SQUARE}
        return ann.post(f"{API}/slides/{slide.pk}/regions", body, format="json")

    def decide():
        body = {"kind": "accepted", "indices": [0]}
        return rob.post(f"{API}/object-sets/{suggestions.pk}/verdicts", body, format="json")

    def redraw():
        body = {"index": 1, "annotation": {**drawing, "id": str(uuid.uuid4())}}
        return rob.post(f"{API}/object-sets/{suggestions.pk}/verdicts/redraw", body, format="json")

    def bring():
        feature = {"type": "Feature", "geometry": SQUARE, "properties": {}}
        content = json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()
        file = SimpleUploadedFile("a.geojson", content)
        body = {"file": file, "become": "annotations"}
        return ann.post(f"{API}/slides/{slide.pk}/import", body, format="multipart")

    return {"draw": draw, "declare": declare, "decide": decide, "redraw": redraw, "bring": bring}


def states(api, user_factory, project, **filters):
    rows = api(user_factory("ann")).get(f"{API}/projects/{project.pk}/slides", filters).json()["results"]
    return {row["name"]: row["progress_state"] for row in rows}


WORK = ("draw", "declare", "decide", "redraw", "bring")


@pytest.mark.parametrize("kind", WORK)
def test_the_first_work_begins_the_progress_of_its_slide_alone(place, work, api, user_factory, kind):
    project, _, _ = place
    assert states(api, user_factory, project) == {"slide": "new", "another": "new"}
    for _ in range(2):
        assert work[kind]().status_code in (200, 201, 409)
    assert states(api, user_factory, project) == {"slide": "in_progress", "another": "new"}
    assert states(api, user_factory, project, progress_state="in_progress") == {"slide": "in_progress"}
    assert AuditRecord.objects.filter(action="slide.progress_began").count() == 1


@pytest.mark.parametrize("kind", WORK)
@pytest.mark.parametrize("state", ["new", "finished"])
def test_a_state_set_by_a_user_stays(place, work, api, user_factory, kind, state):
    project, slide, _ = place
    ann = api(user_factory("ann"))
    assert ann.patch(f"{API}/slides/{slide.pk}", {"progress_state": state}, format="json").status_code == 200
    assert work[kind]().status_code in (200, 201)
    assert states(api, user_factory, project)["slide"] == state


def test_looking_and_putting_off_are_no_work(place, work, api, user_factory):
    project, slide, _ = place
    rob = api(user_factory("rob"))
    rob.get(f"{API}/slides/{slide.pk}/viewer")
    suggestions = rob.get(f"{API}/slides/{slide.pk}/object-sets").json()["results"][0]["id"]
    body = {"object_set_id": suggestions, "index": 0}
    assert rob.post(f"{API}/review/skip", body, format="json").status_code == 204
    assert states(api, user_factory, project)["slide"] == "new"


def test_slides_of_an_older_version_are_brought_up_to_date(place, work, api, user_factory, slide_factory):
    project, _, _ = place
    kept = slide_factory(project, "kept")
    assert work["draw"]().status_code == 201
    address = f"{API}/slides/{kept.pk}"
    api(user_factory("ann")).patch(address, {"progress_state": "new"}, format="json")
    Slide.objects.update(progress_state="new", progress_marked=False)
    import_module("server.review.migrations.0006_begin_progress_of_slides").begin(apps, None)
    assert states(api, user_factory, project) == {"slide": "in_progress", "another": "new", "kept": "new"}
    assert list(Slide.objects.filter(progress_marked=True)) == [kept]
