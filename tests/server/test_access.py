"""Access: every route x role x status. A route that is missing here fails the test."""

from __future__ import annotations

import uuid

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from pyroaring import BitMap

from ml.messages import Message
from server.annotations.models import Annotation, Region, Revision
from server.inference.models import PredictionRun
from server.jobs.models import Job
from server.learning.models import Round, Snapshot
from server.objects.models import HeatMap, ObjectSet
from server.projects.models import Membership
from server.registry.models import ModelVersion
from server.review.models import ReviewState, Verdict
from server.slides.models import Registration, Upload

pytestmark = pytest.mark.django_db

ROLES = ("anonymous", "stranger", "annotator", "reviewer", "manager")

# (method, route name): the status for anonymous, stranger, annotator, reviewer, manager. The bodies
# are empty or false on purpose: who may not come in is told so before the content is looked at, and
# who may gets the answer to an empty request (400 or 422), or the real one where none is needed.
OPEN = (401, 200, 200, 200, 200)
SEE = (401, 404, 200, 200, 200)
MEMBER_400 = (401, 404, 400, 400, 400)
TABLE = {
    ("get", "session"): (204, 200, 200, 200, 200),
    ("post", "session"): (400, 400, 400, 400, 400),
    ("delete", "session"): (204, 204, 204, 204, 204),
    ("patch", "preferences"): OPEN,
    ("get", "version"): OPEN,
    ("put", "password"): (401, 400, 400, 400, 400),
    ("get", "accounts"): (401, 403, 403, 403, 403),
    ("post", "deactivate-account"): (401, 403, 403, 403, 403),
    ("post", "reactivate-account"): (401, 403, 403, 403, 403),
    ("post", "reset-password"): (401, 403, 403, 403, 403),
    ("get", "users"): (401, 403, 403, 403, 200),
    ("post", "users"): (401, 403, 403, 403, 403),
    ("get", "tokens"): OPEN,
    ("post", "tokens"): (401, 400, 400, 400, 400),
    ("delete", "token"): (401, 404, 404, 404, 404),
    ("get", "projects"): OPEN,
    ("post", "projects"): (401, 400, 400, 400, 400),
    ("get", "project"): SEE,
    ("patch", "project"): (401, 404, 403, 403, 200),
    ("get", "members"): SEE,
    ("post", "members"): (401, 404, 403, 403, 400),
    ("patch", "member"): (401, 404, 403, 403, 400),
    ("delete", "member"): (401, 404, 403, 403, 204),
    ("get", "labels"): SEE,
    ("post", "labels"): (401, 404, 403, 403, 400),
    ("put", "label-order"): (401, 404, 403, 403, 400),
    ("patch", "label"): (401, 404, 403, 403, 200),
    ("post", "retire-label"): (401, 404, 403, 403, 200),
    ("get", "jobs"): OPEN,
    ("get", "job"): SEE,
    ("post", "cancel-job"): (401, 404, 403, 403, 200),
    ("post", "retry-job"): (401, 404, 403, 403, 422),
    ("get", "slides"): SEE,
    ("get", "cases"): SEE,
    ("put", "case"): MEMBER_400,
    ("post", "finish-folder"): (401, 404, 400, 400, 400),
    ("get", "slide"): SEE,
    ("patch", "slide"): SEE,
    ("delete", "slide"): (401, 404, 403, 403, 204),
    ("post", "slide-image"): (401, 404, 400, 400, 400),
    # The slide of this table has no file.
    ("post", "slide-resolution"): (401, 404, 403, 403, 422),
    ("get", "viewer"): SEE,
    ("post", "grant"): SEE,
    ("get", "thumbnail"): (401, 404, 404, 404, 404),
    ("get", "tissue"): SEE,
    ("get", "quality"): SEE,
    ("post", "project-quality"): (401, 404, 403, 403, 202),
    ("post", "quality"): (401, 404, 202, 202, 202),
    # Nobody has asked for it yet.
    ("get", "quality-picture"): (401, 404, 404, 404, 404),
    ("get", "dwell-consent"): OPEN,
    ("put", "dwell-consent"): OPEN,
    ("delete", "dwell-consent"): (401, 204, 204, 204, 204),
    ("get", "dwell"): SEE,
    ("post", "dwell"): MEMBER_400,
    # Without consent there is no recording to read.
    ("get", "dwell-recording"): (401, 404, 403, 403, 403),
    ("get", "registrations"): SEE,
    ("post", "registrations"): MEMBER_400,
    ("put", "registration"): MEMBER_400,
    ("delete", "registration"): (401, 404, 204, 204, 204),
    # No map is computed yet, by which annotations could be transferred.
    ("get", "carried-annotations"): (401, 404, 422, 422, 422),
    ("post", "uploads"): (401, 422, 422, 422, 422),
    ("options", "uploads"): (401, 204, 204, 204, 204),
    ("head", "upload"): (401, 404, 404, 404, 200),
    ("patch", "upload"): (401, 404, 404, 404, 422),
    ("delete", "upload"): (401, 404, 404, 404, 204),
    ("get", "object-sets"): SEE,
    ("get", "object-set"): SEE,
    ("post", "object-set-withdrawal"): (401, 404, 403, 422, 422),
    ("get", "heat-map-picture"): (401, 404, 404, 404, 404),
    ("get", "painting"): (401, 404, 404, 404, 404),
    ("post", "painting"): MEMBER_400,
    ("delete", "painting"): (401, 404, 404, 404, 404),
    ("get", "painting-picture"): (401, 404, 404, 404, 404),
    ("get", "annotations"): SEE,
    ("get", "annotations-in-view"): MEMBER_400,
    ("post", "annotations"): MEMBER_400,
    ("post", "annotation-batch"): MEMBER_400,
    ("get", "annotation"): SEE,
    ("patch", "annotation"): MEMBER_400,
    ("delete", "annotation"): MEMBER_400,
    # It was drawn by the manager, so an annotator may not bring it back.
    ("post", "restore-annotation"): (401, 404, 403, 200, 200),
    ("get", "revisions"): SEE,
    ("get", "regions"): SEE,
    ("post", "regions"): MEMBER_400,
    ("delete", "region"): (401, 404, 204, 204, 204),
    ("get", "recipes"): OPEN,
    ("get", "model-versions"): SEE,
    ("get", "weights"): SEE,
    ("post", "weights"): (401, 404, 403, 403, 400),
    ("post", "roll-back"): MEMBER_400,
    ("get", "model-version"): SEE,
    ("post", "promote"): (401, 404, 403, 403, 200),
    ("post", "keep"): (401, 404, 403, 403, 200),
    ("get", "comparison"): MEMBER_400,
    ("post", "comparison"): MEMBER_400,
    ("get", "predictions"): SEE,
    ("post", "predictions"): MEMBER_400,
    ("get", "findings"): SEE,
    ("get", "review-queue"): (401, 404, 403, 200, 200),
    ("get", "suggestions"): SEE,
    ("get", "suggestion-at"): MEMBER_400,
    # The set is still being written: there are no objects yet.
    ("get", "suggestion-history"): (401, 404, 404, 404, 404),
    ("get", "review-state"): SEE,
    ("get", "verdicts"): SEE,
    ("get", "project-verdicts"): SEE,
    ("get", "slide-verdicts"): SEE,
    ("get", "accepted-labels"): SEE,
    ("get", "accepted-outlines"): SEE,
    # The set is still being written: it has no tiles yet.
    ("get", "states"): (401, 404, 422, 422, 422),
    ("post", "verdicts"): MEMBER_400,
    ("post", "redraw"): MEMBER_400,
    # Given by the manager: a reviewer takes back their own only.
    ("post", "undo-verdict"): (401, 404, 403, 403, 201),
    ("post", "skip"): (401, 400, 400, 400, 400),
    ("delete", "skip"): (401, 400, 400, 400, 400),
    ("get", "explanation"): (401, 404, 404, 404, 404),
    # The set of the world is still being written: it has no objects.
    ("post", "explanation"): (401, 404, 422, 422, 422),
    ("get", "explanation-map"): (401, 404, 404, 404, 404),
    ("post", "check-round"): MEMBER_400,
    ("get", "atlas"): SEE,
    ("post", "atlas"): (401, 404, 202, 202, 202),
    ("get", "rounds"): SEE,
    ("post", "rounds"): MEMBER_400,
    ("get", "round"): SEE,
    ("get", "snapshots"): SEE,
    ("post", "import-annotations"): MEMBER_400,
    ("post", "preview-import"): MEMBER_400,
    ("post", "import-project"): MEMBER_400,
    ("post", "preview-project-import"): MEMBER_400,
    ("get", "export-slide"): SEE,
    ("get", "export-histoml"): SEE,
    ("get", "export-project"): SEE,
}
# Not below the API's authentication: the schema and the health are public, the page has tests of its own.
ELSEWHERE = {("get", "schema"), ("get", "health"), ("get", "front-end"), ("get", "guide")}


def routes():
    """Yield (name, view, names of the ids in the URL) of every named URL."""

    def walk(patterns):
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns)
            elif isinstance(pattern, URLPattern) and pattern.name:
                callback = pattern.callback
                view = getattr(callback, "cls", None) or getattr(callback, "view_class", None)
                yield pattern.name, view, tuple(pattern.pattern.converters)

    yield from walk(get_resolver().url_patterns)


def operations():
    """Yield (method, name) of every operation."""
    for name, view, _ in routes():
        methods = ("get", "post", "put", "patch", "delete", "head")
        declared = [m for m in methods if view is not None and m in vars(view)] or ["get"]
        if view is not None and "options" in vars(view):
            declared.append("options")
        for method in declared:
            yield method, name


@pytest.fixture
def world(project_factory, user_factory, label_factory, slide_factory, settings):
    """One object of every kind, made by the manager."""
    project = project_factory(annotator="annotator", reviewer="reviewer", manager="manager")
    manager = user_factory("manager")
    user_factory("stranger")
    label = label_factory(project)
    slide = slide_factory(project)
    job = Job.objects.create(
        kind="run_round",
        title=Message("verbatim", text="a job"),
        queue="cpu",
        project=project,
        created_by=manager,
    )
    square = {"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 9], [0, 0]]]}
    box = {"min_x": 0, "min_y": 0, "max_x": 9, "max_y": 9}
    annotation = Annotation.objects.create(
        slide=slide, label=label, shape="polygon", geometry=square, author=manager, **box
    )
    Revision.objects.create(
        annotation=annotation, number=1, change="created", author=manager, shape="polygon", geometry=square
    )
    region = Region.objects.create(slide=slide, geometry=square, area_px=81, declared_by=manager)
    version = ModelVersion.objects.create(
        project=project,
        recipe="descriptors",
        task="patch",
        number=1,
        snapshot_digest="0" * 64,
        code_version="test",
        storage_key="models/none",
        weights_digest="0" * 64,
        created_by=manager,
    )
    object_set = ObjectSet.objects.create(slide=slide, name="set", source="model", labels=[])
    heat_map = HeatMap.objects.create(
        slide=slide, object_set=object_set, name="map", kind="uncertainty", x=0, y=0, step=1, rows=1,
        columns=1, storage_key="heat-maps/none",
    )  # fmt: skip
    PredictionRun.objects.create(model_version=version, slide=slide, job=job, created_by=manager)
    snapshot = Snapshot.objects.create(
        project=project, digest="1" * 64, storage_key="snapshots/none", split_by="case", created_by=manager,
        counts={"labels": [], "negatives": 0, "verdicts": 0, "finished_regions": 0, "cases": 0, "slides": 0,
                "parts": {"train": 0, "validation": 0, "test": 0}},
    )  # fmt: skip
    turn = Round.objects.create(
        project=project, number=1, recipe="descriptors", snapshot=snapshot, job=job, created_by=manager
    )
    verdict = Verdict.objects.create(
        object_set=object_set,
        sequence=1,
        kind="accepted",
        reviewer=manager,
        objects_bitmap=BitMap([0]).serialize(),
        first_index=0,
        last_index=0,
        count=1,
    )
    ReviewState.objects.create(object_set=object_set, version=1)
    registration = Registration.objects.create(
        fixed=slide, moving=slide_factory(project, "other"), created_by=manager
    )
    upload = Upload.objects.create(
        project=project, user=manager, filename="a.svs", length=10, storage_key="uploads/one"
    )
    return {
        "project_id": project.pk,
        "membership_id": Membership.objects.get(project=project, user=user_factory("annotator")).pk,
        "label_id": label.pk,
        "slide_id": slide.pk,
        "case_id": slide.case_id,
        "registration_id": registration.pk,
        "job_id": job.pk,
        "annotation_id": annotation.pk,
        "region_id": region.pk,
        "version_id": version.pk,
        "set_id": object_set.pk,
        "heat_map_id": heat_map.pk,
        "round_id": turn.pk,
        "verdict_id": verdict.pk,
        "upload_id": upload.pk,
        "user_id": manager.pk,
        "token_id": uuid.uuid4(),
        "painting_id": uuid.uuid4(),
        "name": "1-0",
        "explanation_id": uuid.uuid4(),
        "index": 0,
        "z": 0,
        "x": 0,
        "y": 0,
    }


def _address(name, world):
    [ids] = [ids for other, _, ids in routes() if other == name]
    return reverse(name, kwargs={key: world[key] for key in ids})


def test_every_route_is_in_the_table():
    assert set(operations()) - ELSEWHERE == set(TABLE)


MULTIPART = {
    "import-annotations", "preview-import", "import-project", "preview-project-import", "weights",
}  # fmt: skip


@pytest.mark.parametrize(("method", "name"), sorted(TABLE))
@pytest.mark.parametrize("role", ROLES)
def test_status_by_role(method, name, role, world, api, user_factory):
    client = api(None if role == "anonymous" else user_factory(role))
    body = {} if method in {"post", "patch", "put", "delete"} else None
    kind = "multipart" if name in MULTIPART else "json"
    if name == "upload" and method == "patch":
        answer = client.patch(_address(name, world), b"", content_type="application/offset+octet-stream")
    elif body is None:
        answer = getattr(client, method)(_address(name, world))
    else:
        answer = getattr(client, method)(_address(name, world), body, format=kind)
    if answer.streaming:
        answer.close()
    assert answer.status_code == TABLE[method, name][ROLES.index(role)]
    if answer.status_code >= 400 and method != "head":
        assert answer["Content-Type"] == "application/problem+json"
