"""Number of queries of each list, which may not grow with its rows.

``BASELINES`` is the most that a page may cost, however many rows it has. A list that got cheaper is
entered again; one that got dearer needs a reason.
"""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pyroaring import BitMap

from ml.messages import Message
from server.accounts.models import ApiToken
from server.annotations.models import Annotation, Region, Revision
from server.inference.models import PredictionRun
from server.jobs.models import Job
from server.learning.models import Round, Snapshot
from server.objects.models import HeatMap, ObjectSet
from server.registry.models import ModelVersion
from server.review.models import ReviewState, Verdict
from tests.server.test_access import TABLE, routes

pytestmark = pytest.mark.django_db

BASELINES = {
    "annotations": 2,
    "cases": 2,
    "jobs": 2,
    "labels": 2,
    "members": 2,
    "model-versions": 2,
    "object-sets": 3,
    "predictions": 3,
    "projects": 3,
    "regions": 2,
    "revisions": 2,
    "rounds": 3,
    "slides": 2,
    "snapshots": 2,
    "tokens": 1,
    "users": 2,
    "verdicts": 2,
}
SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 9], [0, 0]]]}


@pytest.fixture
def grow(project_factory, user_factory, label_factory, slide_factory):
    """Return ids for URLs after adding one more of everything, made by a new user."""
    project = project_factory(manager="mia")
    slide = slide_factory(project, "the slide")
    label = label_factory(project, "the label")
    mia = user_factory("mia")
    annotation = Annotation.objects.create(
        slide=slide, label=label, shape="polygon", geometry=SQUARE, author=mia,
        min_x=0, min_y=0, max_x=9, max_y=9,
    )  # fmt: skip
    first = ObjectSet.objects.create(slide=slide, name="first", source="model")
    state = ReviewState.objects.create(object_set=first)

    def make():
        number = Job.objects.count() + 1
        project_factory(f"Project {number}", manager="mia")
        user = user_factory(f"person{number}")
        project.memberships.create(user=user, role="annotator")
        other = slide_factory(project, f"slide {number}")
        label_factory(project, f"label {number}")
        _make_work(project, slide, other, user, number)
        Region.objects.create(slide=slide, geometry=SQUARE, area_px=1, declared_by=user)
        Revision.objects.create(
            annotation=annotation,
            number=number,
            change="edited",
            author=user,
            shape="polygon",
            geometry=SQUARE,
        )
        Annotation.objects.create(
            slide=slide, label=label, shape="polygon", geometry=SQUARE, author=user,
            min_x=0, min_y=0, max_x=9, max_y=9,
        )  # fmt: skip
        ApiToken.objects.create(user=mia, name="t", digest=f"{number:064x}")
        state.version += 1
        state.save()
        Verdict.objects.create(
            object_set=first, sequence=number, kind="accepted", reviewer=user,
            objects_bitmap=BitMap([number]).serialize(),
            first_index=number, last_index=number, count=1,
        )  # fmt: skip
        return {
            "project_id": project.pk, "slide_id": slide.pk, "annotation_id": annotation.pk, "set_id": first.pk
        }  # fmt: skip

    return make


def _make_work(project, slide, other, user, number):
    """Create one job in every state, a model version of its own round, a prediction and its set."""
    jobs = [
        Job.objects.create(
            kind="errand",
            title=Message("verbatim", text="job"),
            queue="cpu",
            project=project,
            created_by=user,
            state=state,
        )
        for state in Job.State
    ]
    version = ModelVersion.objects.create(
        project=project, recipe="descriptors", task="patch", number=number, snapshot_digest="0" * 64,
        code_version="test", storage_key="models/none", weights_digest="0" * 64, created_by=user,
        parent=ModelVersion.objects.order_by("-number").first(),
    )  # fmt: skip
    numbers = {"train": 0, "validation": 0, "test": 0}
    snapshot = Snapshot.objects.create(
        project=project, digest=f"{number:064x}", storage_key="snapshots/none", split_by="case",
        created_by=user,
        counts={"labels": [], "negatives": 0, "verdicts": 4, "finished_regions": 0, "cases": 4, "slides": 4,
                "parts": numbers},
    )  # fmt: skip
    Round.objects.create(
        project=project, number=number, recipe="descriptors", snapshot=snapshot, job=jobs[0], created_by=user,
        model_version=version,
    )  # fmt: skip
    made = ObjectSet.objects.create(slide=slide, name=f"set {number}", source="model")
    ReviewState.objects.create(object_set=made)
    HeatMap.objects.create(
        slide=slide, object_set=made, name="map", kind="uncertainty", x=0, y=0, step=1, rows=1, columns=1,
        storage_key="heat-maps/none",
    )  # fmt: skip
    PredictionRun.objects.create(
        model_version=version, slide=other, job=jobs[1], created_by=user, object_set=made
    )


def cost(client, name, ids):
    """Return (queries, rows) of the first page of a list; rows is None for anything else."""
    [wanted] = [keys for other, _, keys in routes() if other == name]
    address = reverse(name, kwargs={key: ids[key] for key in wanted})
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address)
    listed = answer.status_code == 200 and answer["Content-Type"] == "application/json"
    body = answer.json() if listed else None
    if answer.streaming:
        # To the end: closing it would close the test's own connection.
        b"".join(answer.streaming_content)
    rows = body["count"] if isinstance(body, dict) and "count" in body and "previous" in body else None
    return len(queries), rows


def test_no_list_costs_more_with_more_rows(grow, api, user_factory):
    """Every paged list, also one that has no baseline yet."""
    client = api(user_factory("mia"))
    ids = grow()
    reachable = {name for name, _, keys in routes() if set(keys) <= set(ids)}
    reads = sorted(name for method, name in TABLE if method == "get" and name in reachable)
    few = {name: cost(client, name, ids) for name in reads}
    for _ in range(3):
        grow()
    many = {name: cost(client, name, ids) for name in reads}
    lists = {name for name, (_, rows) in few.items() if rows is not None}
    assert set(BASELINES) <= lists
    assert [name for name in BASELINES if many[name][1] <= few[name][1]] == [], "a list did not grow"
    assert {name: many[name][0] - few[name][0] for name in lists if many[name][0] > few[name][0]} == {}
    assert {name: many[name][0] for name in BASELINES} == BASELINES, "enter the new figures"
