"""The audit record: complete, in one order, and invalid after any change."""

from __future__ import annotations

import uuid

import pytest

from server.audit.models import AuditChain, AuditRecord
from server.audit.services import digest_of, first_broken_record, record

pytestmark = pytest.mark.django_db

API = "/api/v1"


@pytest.fixture
def project(project_factory):
    return project_factory(annotator="ann", manager="mia")


@pytest.fixture
def chain(project, user_factory):
    """Five records of one project; returns the chain's key."""
    for number in range(5):
        record(
            actor=user_factory("mia"),
            action="test.do",
            subject=project,
            project=project,
            details={"n": number},
        )  # fmt: skip
    return str(project.pk)


def test_a_day_of_work_leaves_an_unbroken_chain(project, api, user_factory, slide_factory, label_factory):
    mia, ann = api(user_factory("mia")), api(user_factory("ann"))
    slide = slide_factory(project)
    at = f"{API}/projects/{project.pk}"
    label = mia.post(f"{at}/labels", {"name": "腫瘍", "colour": "#d55e00"}, format="json").json()
    mia.patch(f"{at}/labels/{label['id']}", {"key": 3}, format="json")
    mia.patch(at, {"description": "ünïcödé \U0001f52c"}, format="json")
    ring = [[0, 0], [100.25, 0], [100, 99.99], [0, 100], [0, 0]]
    drawn = {"id": str(uuid.uuid4()), "label_id": label["id"], "shape": "polygon",
             "geometry": {"type": "Polygon", "coordinates": [ring]}}  # fmt: skip
    assert ann.post(f"{API}/slides/{slide.pk}/annotations", drawn, format="json").status_code == 201
    ann.patch(f"{API}/annotations/{drawn['id']}", {"revision": 1, "note": "n"}, format="json")
    # Larger than any slide: its area in pixels has more digits than a database keeps as a fraction.
    far = [[-9e7, -9e7], [9e7, -9e7], [9e7, 9e7], [-9e7, 9e7], [-9e7, -9e7]]
    region = {"id": str(uuid.uuid4()), "geometry": {"type": "Polygon", "coordinates": [far]}}
    assert ann.post(f"{API}/slides/{slide.pk}/regions", region, format="json").status_code == 201
    mia.patch(
        f"{API}/slides/{slide.pk}", {"resolution": {"x": 0.2501, "y": 0.5}, "case": "K 1"}, format="json"
    )
    mia.post(f"{at}/labels/{label['id']}/retire")
    facts = AuditRecord.objects.filter(chain_id=project.pk).order_by("sequence")
    assert [fact.action for fact in facts] == [
        "label.create", "label.change", "project.change", "annotation.change",
        "slide.progress_began", "annotation.change", "region.declare_finished",
        "slide.resolution_corrected", "slide.changed", "label.retire",
    ]  # fmt: skip
    assert [fact.actor_name for fact in facts][3:5] == ["Ann", "Ann"]
    assert first_broken_record(str(project.pk)) is None


@pytest.mark.parametrize(
    "details",
    [
        {"area": 4.2e22}, {"area": 1e16}, {"zero": -0.0}, {"small": 1e-7}, {"whole": 81.0}, {"big": 2**70},
        {"deep": [{"b": 1, "a": [1.5, None, True]}]}, {"text": 'ß\u2028\U0001f52c\\"'},
        {5: "a number as key"}, {"id": uuid.UUID(int=7)}, {"none": None}, {"t": "a\0b\ud800"},
        {"nan": float("nan")},
    ],
)  # fmt: skip
def test_details_altered_by_the_database_do_not_break_the_chain(project, user_factory, details):
    record(actor=user_factory("mia"), action="test.do", subject=project, project=project, details=details)
    assert first_broken_record(str(project.pk)) is None


@pytest.mark.parametrize(
    "change",
    [
        {"action": "test.other"}, {"actor_name": "Somebody"}, {"actor_id": "x"}, {"details": {"n": 7}},
        {"reason": "because"}, {"subject_id": "x"}, {"digest": "0" * 64}, {"previous_digest": "0" * 64},
        {"at": "2020-01-01T00:00:00Z"}, {"correlation_id": "x"},
    ],
)  # fmt: skip
def test_a_changed_record_is_found(chain, change):
    AuditRecord.objects.filter(sequence=3).update(**change)
    assert first_broken_record(chain) == 3


def test_a_record_that_was_changed_and_signed_again_is_found_at_the_next(chain):
    fact = AuditRecord.objects.get(sequence=3)
    fact.details = {"n": 7}
    fact.digest = digest_of(fact)
    fact.save()
    assert first_broken_record(chain) == 4


@pytest.mark.parametrize("sequence", [1, 3, 5])
def test_a_removed_record_is_found(chain, sequence):
    """The last one too: the head of the chain stores its length."""
    AuditRecord.objects.filter(sequence=sequence).delete()
    assert first_broken_record(chain) == sequence


def test_an_emptied_chain_is_found(chain):
    AuditRecord.objects.all().delete()
    assert first_broken_record(chain) == 1


def test_a_record_that_was_put_in_is_found(chain):
    last = AuditRecord.objects.get(sequence=5)
    last.pk, last.sequence, last.previous_digest = None, 6, last.digest
    last.digest = digest_of(last)
    last.save(force_insert=True)
    assert first_broken_record(chain) == 6


def test_chains_of_projects_are_apart(chain, project_factory, user_factory):
    other = project_factory("Other")
    record(actor=user_factory("mia"), action="test.do", subject=other, project=other)
    record(actor=user_factory("mia"), action="user.do", subject=user_factory("mia"))
    assert AuditChain.objects.get(key=chain).length == 5
    AuditRecord.objects.filter(chain_id=chain).delete()
    assert first_broken_record(str(other.pk)) is None
    assert first_broken_record("site") is None
    assert first_broken_record("never written") is None


def test_a_record_outlives_the_account(chain, user_factory):
    fact = AuditRecord.objects.first()
    user_factory("mia").memberships.all().delete()
    user_factory("mia").delete()
    fact.refresh_from_db()
    assert fact.actor_name == "Mia"
    assert first_broken_record(chain) is None
