"""Diagnosis of a slide and clinical fields of its patient, and their use in a round."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ml.catalogue.registry import find_recipe
from ml.contracts import Survival, Task
from server.audit.models import AuditRecord
from server.learning.models import SplitUnit
from server.learning.rounds.readiness import check_readiness
from server.learning.snapshots.diagnoses import summarise_diagnoses
from server.learning.snapshots.files import compose_document, dataset_of
from server.learning.snapshots.plan import Plan, plan_round

pytestmark = pytest.mark.django_db

API = "/api/v1"


@pytest.fixture
def project(project_factory):
    return project_factory(annotator="ann", manager="mia")


@pytest.fixture
def ann(api, user_factory, project):
    return api(user_factory("ann"))


def diagnose(client, slide, label, status=200):
    body = {"label_id": None if label is None else str(label.pk)}
    answer = client.patch(f"{API}/slides/{slide.pk}", body, format="json")
    assert answer.status_code == status, answer.json()
    return answer.json()


def describe(client, case, status=200, **body):
    answer = client.put(f"{API}/cases/{case.pk}", body, format="json")
    assert answer.status_code == status, answer.json()
    return answer.json()


def test_a_slide_gets_a_diagnosis_and_loses_it(ann, project, slide_factory, label_factory):
    slide, label = slide_factory(project), label_factory(project)
    assert diagnose(ann, slide, label)["label_id"] == str(label.pk)
    assert diagnose(ann, slide, None)["label_id"] is None
    actions = AuditRecord.objects.filter(action="slide.diagnosed").order_by("sequence")
    assert [record.details["after"] for record in actions] == ["Tumour", None]


def test_a_label_of_another_project_is_refused(
    ann, api, project, project_factory, slide_factory, label_factory
):
    other = label_factory(project_factory("other"))
    slide = slide_factory(project)
    assert diagnose(ann, slide, other, status=404)["code"] == "not_found"
    slide.refresh_from_db()
    assert slide.label is None


def test_a_retired_label_is_refused(ann, api, user_factory, project, slide_factory, label_factory):
    slide, label = slide_factory(project), label_factory(project)
    api(user_factory("mia")).post(f"{API}/projects/{project.pk}/labels/{label.pk}/retire")
    label.refresh_from_db()
    assert label.retired_at
    assert diagnose(ann, slide, label, status=422)["code"] == "invalid"


def test_a_case_that_somebody_else_described_meanwhile_is_not_overwritten(
    ann, api, user_factory, project, slide_factory
):
    case = slide_factory(project).case
    seen = {"clinical": {}, "months": None, "event": None}
    mia = api(user_factory("mia"))
    describe(mia, case, clinical={"age": 61}, months=18, event=True, seen=seen)
    refused = describe(ann, case, clinical={"sex": "female"}, seen=seen, status=409)
    assert (refused["code"], refused["changed_by"]) == ("changed_meanwhile", "Mia")
    assert refused["current"]["clinical"] == {"age": 61}
    case.refresh_from_db()
    assert (case.clinical, case.months) == ({"age": 61}, 18)
    # The same description twice is no conflict: an answer may get lost.
    describe(mia, case, clinical={"age": 61}, months=18, event=True, seen=seen)
    now = {"clinical": {"age": 61}, "months": 18, "event": True}
    assert describe(ann, case, clinical={"sex": "female"}, seen=now)["clinical"] == {"sex": "female"}


def test_clinical_fields_and_follow_up_of_a_case(ann, project, slide_factory):
    case = slide_factory(project).case
    described = describe(ann, case, clinical={"age": 61, "sex": "female"}, months=18.5, event=True)
    assert described["clinical"] == {"age": 61, "sex": "female"}
    assert (described["months"], described["event"]) == (18.5, True)
    assert describe(ann, case, clinical={})["months"] is None
    record = AuditRecord.objects.filter(action="case.described").earliest("sequence")
    assert record.details == {"fields": ["age", "sex"], "follow_up": True}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"clinical": {"age": None}}, 400),
        ({"clinical": {"age": [1]}}, 422),
        ({"clinical": {"age": True}}, 422),
        ({"clinical": {"": 1}}, 422),
        ({"clinical": {"x" * 61: 1}}, 422),
        ({"clinical": {"note": "x" * 201}}, 422),
        ({"clinical": {f"field {i}": i for i in range(51)}}, 422),
        ({"clinical": {}, "months": 3}, 422),
        ({"clinical": {}, "event": True}, 422),
        ({"clinical": {}, "months": -1, "event": True}, 400),
        ({}, 400),
    ],
)
def test_strange_clinical_fields_are_refused_and_nothing_changes(ann, project, slide_factory, body, status):
    case = slide_factory(project).case
    describe(ann, case, clinical={"age": 61})
    describe(ann, case, status=status, **body)
    case.refresh_from_db()
    assert case.clinical == {"age": 61}


@pytest.fixture
def slide_recipe():
    """Return any recipe's description with the task of whole slides."""
    return dataclasses.replace(find_recipe("descriptors"), task=Task.SLIDE)


def test_readiness_says_what_a_model_of_slides_lacks(
    ann, project, slide_factory, label_factory, slide_recipe
):
    tumour, normal = label_factory(project), label_factory(project, "Normal", "#0072b2")
    slides = [slide_factory(project, f"s{i}") for i in range(6)]

    def codes():
        readiness = check_readiness(slide_recipe, {}, summarise_diagnoses(project))
        return {item.code for item in readiness.problems}

    assert codes() == {"no_labels_slides"}
    for slide in slides[:3]:
        diagnose(ann, slide, tumour)
    assert codes() == {"one_class_only_slides"}
    for slide in slides[3:5]:
        diagnose(ann, slide, normal)
    assert codes() == {"too_few_labels_slides"}
    diagnose(ann, slides[5], normal)
    assert codes() == set()


def test_a_snapshot_holds_diagnoses_clinical_fields_and_follow_up(ann, project, slide_factory, label_factory):
    tumour, normal = label_factory(project), label_factory(project, "Normal", "#0072b2")
    slides = [slide_factory(project, f"s{i}") for i in range(9)]
    for number, slide in enumerate(slides[:8]):
        diagnose(ann, slide, tumour if number % 2 else normal)
    describe(ann, slides[1].case, clinical={"age": 70}, months=5, event=False)
    plan = summarise_diagnoses(project)
    document = compose_document(Plan(plan))
    dataset = dataset_of(document, lambda _slide: (Path(__file__), "slide"))
    by_content = {slide.content: slide for slide in dataset.slides}
    assert len(by_content) == 9
    known = by_content[slides[1].sha256]
    assert (known.label, known.clinical, known.survival) == ("Tumour", {"age": 70}, Survival(5, False))
    assert by_content[slides[8].sha256].label is None
    assert set(dataset.parts) == {str(slide.case_id) for slide in slides}
    tested = {case for case, part in dataset.parts.items() if part == "test"}
    assert {by_content[s.sha256].label for s in slides if str(s.case_id) in tested} >= {"Tumour", "Normal"}
    assert compose_document(Plan(summarise_diagnoses(project))) == document


def test_a_case_keeps_its_part_whatever_is_learned_about_it(ann, project, slide_factory, label_factory):
    tumour, normal = label_factory(project), label_factory(project, "Normal", "#0072b2")
    slides = [slide_factory(project, f"s{i}") for i in range(6)]
    for number, slide in enumerate(slides):
        diagnose(ann, slide, tumour if number % 2 else normal)
    cases = [str(slide.case_id) for slide in slides]
    SplitUnit.objects.bulk_create(
        SplitUnit(project=project, split_by="case", unit=case, part="test") for case in cases[:2]
    )
    parts = summarise_diagnoses(project).parts
    assert [parts[case] for case in cases[:2]] == ["test", "test"]
    SplitUnit.objects.bulk_create(
        SplitUnit(project=project, split_by="slide", unit=case, part=parts[case]) for case in cases
    )
    for number, slide in enumerate(slides):
        label = tumour if number % 2 else normal
        ring = [[0, 0], [90, 0], [90, 90], [0, 90], [0, 0]]
        body = {
            "id": f"00000000-0000-4000-8000-00000000000{number}",
            "label_id": str(label.pk),
            "shape": "polygon",
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }
        assert ann.post(f"{API}/slides/{slide.pk}/annotations", body, format="json").status_code == 201
    plan = plan_round(project).summary
    assert plan.split_by == "case"
    assert plan.parts == parts
