"""A round of a recipe for whole slides: diagnoses and clinical fields in, findings out."""

from __future__ import annotations

import numpy as np
import pytest

from ml.evaluation.survival import evaluate_survival
from server.learning.rounds.prognosis import survival_of
from server.slides.models import Case
from tests.ml.materials.bag_material import write_slide

# Files, pixels and networks are checked here, which no database changes.
pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

API = "/api/v1"
SMALL = {
    "patch": 32, "stride": 32, "width": 16, "epochs": 10, "patience": 10, "learning_rate": 0.01, "keys": 2,
    "batch": 4, "compare": False,
}  # fmt: skip


def test_diagnoses_and_clinical_fields_become_findings_and_curves(
    project_factory, api, user_factory, label_factory, real_slide, run_jobs, tmp_path
):
    project = project_factory(annotator="ann", manager="mia")
    mia = api(user_factory("mia"))
    labels = [label_factory(project, "Benign", "#0072b2"), label_factory(project)]
    random = np.random.default_rng(0)
    slides = []
    for number in range(8):
        path = tmp_path / f"s{number}.tif"
        write_slide(path, random, lesion=number % 2 == 1)
        slide = real_slide(project, path)
        body = {"label_id": str(labels[number % 2].pk)}
        assert mia.patch(f"{API}/slides/{slide.pk}", body, format="json").status_code == 200
        clinical = {"age": 50 + number} if number % 3 else {}
        # Only the one who was followed longest is censored, so that whoever is learned from has events.
        body = {"clinical": clinical, "months": 10 + number, "event": number < 7}
        assert mia.put(f"{API}/cases/{slide.case_id}", body, format="json").status_code == 200
        slides.append(slide)
    Case.objects.filter(months__lt=17).update(event=False)
    body = {"recipe": "fusion", "config": {**SMALL, "answer": "cox"}}
    refused = mia.post(f"{API}/projects/{project.pk}/rounds", body, format="json")
    assert [problem["code"] for problem in refused.json()["problems"]] == ["no_follow_up"]
    Case.objects.filter(months__lt=17).update(event=True)
    answer = mia.post(f"{API}/projects/{project.pk}/rounds", body, format="json")
    assert answer.status_code == 201, answer.json()
    run_jobs()
    versions = mia.get(f"{API}/projects/{project.pk}/model-versions").json()["results"]
    assert [version["task"] for version in versions] == ["slide"]
    assert versions[0]["metrics"]["values"]["auc"]["value"] is not None
    metrics = versions[0]["metrics"]
    assert "c_index" in metrics["values"]
    survival = metrics["survival"]
    assert [group["name"] for group in survival["groups"]] == ["low", "high"]
    assert sum(group["count"] for group in survival["groups"]) == survival["count"] >= 2
    for group in survival["groups"]:
        assert len(group["censored"]) == group["count"] - group["events"]
    findings = mia.get(f"{API}/slides/{slides[1].pk}/findings").json()
    assert len(findings) == 1
    finding = findings[0]["finding"]
    assert sum(item["value"] for item in finding["probabilities"]) == pytest.approx(1, abs=1e-5)
    assert 1 <= len(finding["evidence"]) <= 2
    assert {(box["width"], box["height"]) for box in finding["evidence"]} == {(32, 32)}


def test_patients_with_several_slides_count_once_and_a_clear_split_has_a_small_p():
    count = 40
    risk = np.repeat(np.arange(count, dtype=float), 2)
    unit = np.repeat([f"c{number}" for number in range(count)], 2)
    curves = survival_of(evaluate_survival(100 - risk, np.ones(2 * count, dtype=bool), risk, unit))
    assert curves["count"] == count
    assert [group["count"] for group in curves["groups"]] == [20, 20]
    assert curves["p"] < 1e-6
    assert survival_of(evaluate_survival(100 - risk, risk > 3, np.zeros(2 * count), unit)) is None
