"""Changes of a slide: one request is one transaction."""

from __future__ import annotations

import uuid

import pytest

from server.audit.models import AuditRecord

pytestmark = pytest.mark.django_db

API = "/api/v1"


@pytest.fixture
def project(project_factory):
    return project_factory(annotator="ann", manager="mia")


@pytest.fixture
def slide(project, slide_factory):
    return slide_factory(project, "before")


def test_all_changes_of_a_request_are_made(api, user_factory, project, slide, label_factory):
    label = label_factory(project)
    body = {
        "name": "after", "case": "P 7", "label_id": str(label.pk), "progress_state": "finished",
        "resolution": {"x": 0.5, "y": 0.25},
    }  # fmt: skip
    answer = api(user_factory("mia")).patch(f"{API}/slides/{slide.pk}", body, format="json")
    assert answer.status_code == 200, answer.json()
    slide.refresh_from_db()
    assert (slide.name, slide.case.pseudonym, slide.label, slide.progress_state) == (
        "after", "P 7", label, "finished"
    )  # fmt: skip
    assert (slide.mpp_x, slide.mpp_y) == (0.5, 0.25)


@pytest.mark.parametrize(
    ("who", "body"),
    [
        # The diagnosis is written first; what follows is refused.
        ("mia", {"progress_state": "finished", "name": " "}),
        ("mia", {"name": "after", "case": "\u202e"}),
        ("ann", {"progress_state": "finished", "resolution": {"x": 1.0, "y": 1.0}}),
        ("mia", {"name": "after", "label_id": str(uuid.uuid4())}),
    ],
)
def test_no_change_is_made_when_one_of_them_is_refused(
    api, user_factory, project, slide, label_factory, who, body
):
    label = label_factory(project)
    records = AuditRecord.objects.count()
    body = {"label_id": str(label.pk), **body}
    answer = api(user_factory(who)).patch(f"{API}/slides/{slide.pk}", body, format="json")
    assert answer.status_code in (400, 403, 404, 422), answer.json()
    slide.refresh_from_db()
    assert (slide.name, slide.label, slide.progress_state) == ("before", None, "new")
    assert AuditRecord.objects.count() == records
