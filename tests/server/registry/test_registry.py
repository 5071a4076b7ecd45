"""Model versions through the API: promote, keep, roll back, compare; one current version per task."""

from __future__ import annotations

import uuid

import pytest
from django.db import IntegrityError, transaction

from ml.messages import Message
from server.audit.models import AuditRecord
from server.audit.services import first_broken_record
from server.core.files.names import safe_file_name
from server.registry.errors import WeightsMissingError
from server.registry.models import Comparison, ModelVersion, Promotion
from server.registry.services import TrainedModel, register_model_version, save_comparison
from server.registry.weights import store_weights, weights_path

pytestmark = pytest.mark.django_db

API = "/api/v1"


@pytest.fixture
def project(project_factory):
    return project_factory(annotator="ann", reviewer="rob", manager="mia")


@pytest.fixture
def mia(api, user_factory, project):
    return api(user_factory("mia"))


@pytest.fixture
def train(project, user_factory, tmp_path):
    """Register one more version, as the end of a round does."""

    def make(task="patch", **values):
        folder = tmp_path / uuid.uuid4().hex
        folder.mkdir()
        (folder / "weights.bin").write_bytes(uuid.uuid4().bytes)
        key, digest = store_weights(folder)
        trained = TrainedModel(
            recipe={"patch": "descriptors", "object": "nuclei"}[task], task=task, labels=[], config={},
            seed=1,
            snapshot_digest="a" * 64, round_id=values.pop("round_id", uuid.uuid4()), code_version="test",
            storage_key=key, weights_digest=digest, metrics={}, card=[Message("verbatim", text="# Card")],
        )  # fmt: skip
        owner = values.pop("project", project)
        return register_model_version(actor=user_factory("mia"), project=owner, trained=trained)

    return make


def states(client, project, **query):
    rows = client.get(f"{API}/projects/{project.pk}/model-versions", query).json()["results"]
    return {row["name"]: row["state"] for row in rows}


def act(client, version, what, status=200, **body):
    answer = client.post(f"{API}/model-versions/{version.pk}/{what}", body, format="json")
    assert answer.status_code == status, answer.json()
    return answer.json()


def roll_back(client, project, status=200, **body):
    address = f"{API}/projects/{project.pk}/model-versions/roll-back"
    answer = client.post(address, {"task": "patch", **body}, format="json")
    assert answer.status_code == status, answer.json()
    return answer.json()


def test_the_first_version_of_a_task_is_current_later_ones_are_candidates(train, mia, project):
    train()
    train()
    train("object")
    assert states(mia, project) == {
        "descriptors v1": "current", "descriptors v2": "candidate", "nuclei v3": "current"
    }  # fmt: skip
    assert states(mia, project, task="object") == {"nuclei v3": "current"}
    assert states(mia, project, state="candidate") == {"descriptors v2": "candidate"}


def test_the_card_is_downloaded_under_a_name_that_every_system_takes(train, mia, monkeypatch):
    version = train()
    address = f"{API}/model-versions/{version.pk}"
    assert mia.get(address).json()["card_file_name"] == "descriptors v1.md"
    monkeypatch.setattr(ModelVersion, "name", "nuclei: H&E/IHC v1")
    assert mia.get(address).json()["card_file_name"] == safe_file_name("nuclei: H&E/IHC v1", ".md")
    assert not set("/\\:") & set(mia.get(address).json()["card_file_name"])


def test_a_round_that_registers_twice_has_one_version(train):
    again = uuid.uuid4()
    assert train(round_id=again).pk == train(round_id=again).pk
    assert ModelVersion.objects.count() == 1


def test_promotion_makes_one_current_and_is_remembered(train, mia, project):
    first, second = train(), train()
    body = act(mia, second, "promote", reason="better on rare classes")
    assert body["state"] == "current"
    assert body["promoted_at"] is not None
    assert states(mia, project) == {"descriptors v1": "former", "descriptors v2": "current"}
    assert act(mia, second, "promote", 409)["code"] == "already_current"
    last = Promotion.objects.first()
    assert (last.kind, last.replaced, last.reason) == ("promoted", first, "better on rare classes")
    assert AuditRecord.objects.filter(action="model_version.promote").last().reason == last.reason
    assert first_broken_record(str(project.pk)) is None


def test_keeping_the_current_version_is_a_decision_too(train, mia, project):
    first, second = train(), train()
    assert act(mia, second, "keep", reason="no gain")["kept_at"] is not None
    assert states(mia, project) == {"descriptors v1": "current", "descriptors v2": "candidate"}
    assert act(mia, first, "keep", 409)["code"] == "already_current"
    # A mind may be changed.
    assert act(mia, second, "promote")["kept_at"] is None


def test_rolling_back_walks_the_way_that_was_gone(train, mia, project):
    one, two, three = train(), train(), train()
    assert roll_back(mia, project, 422)["code"] == "nothing_before"
    for version in (two, three, one):
        act(mia, version, "promote")
    names = [roll_back(mia, project)["name"] for _ in range(3)]
    assert names == [three.name, two.name, one.name]
    assert roll_back(mia, project, 422)["code"] == "nothing_before"
    act(mia, three, "promote")
    assert roll_back(mia, project, reason="worse")["name"] == one.name
    assert [row for row in states(mia, project).values() if row == "current"] == ["current"]
    assert roll_back(mia, project, 400, task="nonsense")["code"] == "invalid"
    assert roll_back(mia, project, 422, task="object")["code"] == "nothing_before"


def test_tasks_do_not_disturb_each_other(train, mia, project):
    train()
    train("object")
    act(mia, train("object"), "promote")
    assert states(mia, project)["descriptors v1"] == "current"
    assert roll_back(mia, project, task="object")["name"] == "nuclei v2"


def test_the_database_itself_holds_one_current_version_per_task(train):
    train()
    second = train()
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelVersion.objects.filter(pk=second.pk).update(state="current")


def test_only_managers_decide(train, api, user_factory, project):
    train()
    second = train()
    for username in ("ann", "rob"):
        client = api(user_factory(username))
        assert act(client, second, "promote", 403)["code"] == "not_allowed"
        act(client, second, "keep", 403)
        roll_back(client, project, 403)
        assert states(client, project)["descriptors v2"] == "candidate"
    stranger = api(user_factory("stranger"))
    act(stranger, second, "promote", 404)
    assert stranger.get(f"{API}/model-versions/{second.pk}").status_code == 404


def test_a_comparison_is_stored_once_and_read_the_way_it_was_made(train, mia, user_factory):
    one, two = train(), train()
    estimate = {"value": 0.1, "low": 0.0, "high": 0.2}
    row = {"name": "auc", "unit": "", "this": estimate, "other": estimate, "difference": estimate}
    for _ in range(2):
        save_comparison(
            actor=user_factory("mia"), version=two, other=one, data_digest="d" * 64, count=9, metrics=[row],
            recommendation="promote",
        )  # fmt: skip
    assert Comparison.objects.count() == 1
    answer = mia.get(f"{API}/model-versions/{two.pk}/comparison", {"with": str(one.pk)}).json()
    assert (answer["state"], answer["comparison"]["recommendation"]) == ("ready", "promote")
    back = mia.get(f"{API}/model-versions/{one.pk}/comparison", {"with": str(two.pk)}).json()
    assert back == {"state": "missing", "comparison": None}


def test_a_version_is_compared_with_another_of_its_project_and_task_only(
    train, mia, project_factory, api, user_factory
):
    one, nuclei = train(), train("object")
    other_project = project_factory("Other", manager="mia")
    elsewhere = train(project=other_project)
    address = f"{API}/model-versions/{one.pk}/comparison"
    for other in (one, nuclei, elsewhere):
        answer = mia.post(address, {"with": str(other.pk)}, format="json")
        assert (answer.status_code, answer.json()["code"]) == (422, "not_comparable")
    unknown = str(uuid.uuid4())
    assert mia.post(address, {"with": unknown}, format="json").status_code == 404
    assert mia.get(address, {"with": unknown}).status_code == 404
    assert mia.get(address, {"with": "x"}).status_code == 400


def test_weights_that_were_changed_are_not_loaded(train):
    version = train()
    folder = weights_path(version)
    (folder / "weights.bin").write_bytes(b"something else")
    with pytest.raises(WeightsMissingError, match="missing or damaged"):
        weights_path(version)
    (folder / "weights.bin").unlink()
    with pytest.raises(WeightsMissingError):
        weights_path(version)


def test_every_recipe_is_listed_with_what_a_form_needs(mia):
    rows = mia.get(f"{API}/recipes").json()
    assert {"descriptors", "residual", "nuclei"} <= {row["name"] for row in rows}
    for row in rows:
        assert row["claim"], row["name"]
        assert row["source"], row["name"]
        assert row["summary"], row["name"]
        assert len({field["name"] for field in row["fields"]}) == len(row["fields"])
