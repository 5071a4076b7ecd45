"""The loop through the API on the real mosaic: label, train, predict, review, train again, promote."""

from __future__ import annotations

import json
import shutil
import uuid

import pytest
import shapely
from shapely.geometry import mapping
from shapely.geometry import shape as to_shapely

from ml.messages import Message
from server.inference.models import PredictionRun
from server.jobs.models import Job, JobEvent
from server.learning.models import Round, Snapshot, SplitUnit
from server.objects.models import ObjectSet
from server.registry.models import ModelVersion

pytestmark = pytest.mark.django_db

API = "/api/v1"
TASK = "patch"


@pytest.fixture
def project(project_factory):
    return project_factory(annotator="ann", reviewer="rob", manager="mia")


@pytest.fixture
def mia(api, user_factory, project):
    return api(user_factory("mia"))


@pytest.fixture
def mosaic(project, ready_slide, data):
    return ready_slide(project, data / "slides" / "colorectal-mosaic.tif")


@pytest.fixture
def labelled(mosaic, mia, data):
    """The mosaic with its truth imported as annotations."""
    with (data / "slides" / "colorectal-mosaic-truth.geojson").open("rb") as file:
        answer = mia.post(
            f"{API}/slides/{mosaic.pk}/import", {"file": file, "create_labels": "true"}, format="multipart"
        )
    assert answer.json()["created"] == 5, answer.json()
    return mosaic


@pytest.fixture
def tile_count(data):
    """Number of tiles of 224 px that the truth of the mosaic covers: each becomes one object."""
    truth = json.loads((data / "slides" / "colorectal-mosaic-truth.geojson").read_text())
    return round(sum(to_shapely(feature["geometry"]).area for feature in truth["features"]) / 224**2)


def start(client, project, status=201, **body):
    answer = client.post(
        f"{API}/projects/{project.pk}/rounds", {"recipe": "descriptors", **body}, format="json"
    )
    assert answer.status_code == status, answer.json()
    return answer.json()


def snapshot_of(turn):
    """Return the snapshot of a started round, once its job has taken it."""
    return Round.objects.get(pk=turn["id"]).snapshot


def check(client, project, **body):
    address = f"{API}/projects/{project.pk}/rounds/check"
    return client.post(address, {"recipe": "descriptors", **body}, format="json").json()


def versions(client, project):
    return client.get(f"{API}/projects/{project.pk}/model-versions").json()["results"]


def codes(findings):
    return {finding["code"] for finding in findings}


def square(x, y, side=224):
    ring = [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]
    return {"type": "Polygon", "coordinates": [ring]}


def draw(client, slide, label, geometry):
    body = {"id": str(uuid.uuid4()), "label_id": str(label.pk), "shape": "polygon", "geometry": geometry}
    answer = client.post(f"{API}/slides/{slide.pk}/annotations", body, format="json")
    assert answer.status_code == 201, answer.json()
    return answer.json()


def test_the_whole_loop(labelled, project, mia, run_jobs, api, user_factory, tile_count):
    rob = api(user_factory("rob"))
    first = start(mia, project)
    assert "split_by_region_one_case" in codes(first["warnings"])
    run_jobs()
    [v1] = versions(mia, project)
    assert (v1["name"], v1["state"]) == ("descriptors v1", "current")
    assert v1["snapshot_digest"] == snapshot_of(first).digest
    assert v1["metrics"]["part"] == "test"
    auc = v1["metrics"]["values"]["auc"]
    assert auc["low"] <= auc["value"] <= auc["high"]
    assert auc["value"] > 0.9
    assert sum(map(sum, v1["metrics"]["confusion"])) == v1["metrics"]["count"]
    assert "## Limits" in v1["card"]
    assert "\n".join(line["text"] for line in v1["card_lines"]) + "\n" == v1["card"]
    assert {"card_title", "card_metric", "card_limits"} <= {line["code"] for line in v1["card_lines"]}

    sets = mia.get(f"{API}/slides/{labelled.pk}/object-sets?current=true").json()["results"]
    assert [s["producer_name"] for s in sets] == ["descriptors v1"]
    assert sets[0]["count"] == tile_count
    assert {m["kind"] for m in sets[0]["heat_maps"]} == {"probability", "uncertainty"}

    queue = rob.get(f"{API}/projects/{project.pk}/review/queue?limit=10").json()
    uncertain = [item["uncertainty"] for item in queue["results"]]
    assert uncertain == sorted(uncertain, reverse=True)
    verdicts = f"{API}/object-sets/{sets[0]['id']}/verdicts"
    chosen = [item["index"] for item in queue["results"]]
    rejection = {"kind": "rejected", "reason": "wrong_class", "indices": chosen[:3]}
    assert rob.post(verdicts, rejection, format="json").status_code == 201
    assert rob.post(verdicts, {"kind": "accepted", "indices": chosen[3:]}, format="json").status_code == 201

    second = start(mia, project)
    run_jobs()
    assert snapshot_of(second).digest != snapshot_of(first).digest
    assert snapshot_of(second).counts["verdicts"] == 10
    assert snapshot_of(second).counts["negatives"] == 3
    v2, v1 = versions(mia, project)
    assert (v2["state"], v1["state"]) == ("candidate", "current")
    assert v2["parent"]["id"] == v1["id"]
    answer = mia.get(f"{API}/model-versions/{v2['id']}/comparison?with={v1['id']}").json()
    assert answer["state"] == "ready"
    row = next(row for row in answer["comparison"]["metrics"] if row["name"] == "accuracy")
    assert row["difference"]["value"] == pytest.approx(row["this"]["value"] - row["other"]["value"], abs=1e-6)

    assert (
        mia.post(f"{API}/model-versions/{v2['id']}/promote", {}, format="json").json()["state"] == "current"
    )
    assert [v["state"] for v in versions(mia, project)] == ["current", "former"]
    back = mia.post(f"{API}/projects/{project.pk}/model-versions/roll-back", {"task": TASK}, format="json")
    assert back.json()["id"] == v1["id"]

    current = mia.get(f"{API}/slides/{labelled.pk}/object-sets?current=true").json()["results"]
    assert [s["producer_name"] for s in current] == ["descriptors v2"]


def test_the_same_labels_give_the_same_snapshot_and_bit_for_bit_the_same_weights(
    labelled, project, mia, run_jobs
):
    one, two = [], []
    for listed in (one, two):
        turn = start(mia, project, predict=False, seed=3)
        run_jobs()
        version = ModelVersion.objects.get(round_id=turn["id"])
        listed += [snapshot_of(turn).digest, version.weights_digest, version.metrics]
    assert one == two
    assert Snapshot.objects.count() == 1


def test_parts_never_move(labelled, project, mia, run_jobs, label_factory):
    start(mia, project, predict=False)
    run_jobs()
    before = dict(SplitUnit.objects.values_list("unit", "part"))
    label = project.labels.first()
    draw(mia, labelled, label, square(2016, 1792))
    draw(mia, labelled, label, square(1568, 2016))
    start(mia, project, predict=False)
    run_jobs()
    after = dict(SplitUnit.objects.values_list("unit", "part"))
    assert before.items() <= after.items()
    assert set(before.values()) == {"train", "validation", "test"}


def test_missing_labels_are_reported_before_a_job_starts(mosaic, project, mia, label_factory):
    assert codes(check(mia, project)["blockers"]) >= {"no_labels"}
    tumour, normal = label_factory(project), label_factory(project, "Normal", "#0072b2")
    draw(mia, mosaic, tumour, square(1120, 1120))
    assert "one_class_only" in codes(check(mia, project)["blockers"])
    draw(mia, mosaic, normal, square(448, 1792))
    told = check(mia, project)
    assert not told["ready"]
    # Each is marked once, whichever of the two marks is kept for measuring.
    once = {row["params"]["label"] for row in told["blockers"] if row["code"] == "too_few_labels"}
    assert once == {"Tumour", "Normal"}
    refused = start(mia, project, status=422)
    assert refused["code"] == "not_ready"
    assert codes(refused["problems"]) == codes(told["blockers"])
    assert Job.objects.filter(kind="run_round").count() == Round.objects.count() == 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"recipe": "magic"}, "unknown_recipe"),
        ({"config": {"patch": 3}}, "bad_config"),
        ({"config": {"patch": "wide"}}, "bad_config"),
        ({"config": {"colour": 1}}, "bad_config"),
    ],
)
def test_a_wrong_recipe_or_setting_is_refused(labelled, project, mia, body, code):
    assert start(mia, project, status=422, **body)["code"] == code


def test_a_resolution_is_asked_for_where_a_setting_needs_one(labelled, project, mia, run_jobs):
    told = check(mia, project, config={"mpp": 0.5})
    assert "no_resolution" in codes(told["blockers"])
    mia.patch(f"{API}/slides/{labelled.pk}", {"resolution": {"x": 0.5, "y": 0.5}}, format="json")
    assert check(mia, project, config={"mpp": 0.5})["ready"]
    start(mia, project, config={"mpp": 0.5})
    run_jobs()
    assert set(Job.objects.values_list("state", flat=True)) == {"succeeded"}


def test_the_same_round_is_not_started_twice_at_once(labelled, project, mia):
    start(mia, project)
    assert start(mia, project, status=409)["code"] == "round_running"
    assert Round.objects.count() == 1


def test_a_running_round_is_the_same_until_a_label_changes(labelled, project, mia, monkeypatch):
    from server.jobs.services import start_job
    from server.learning.services import take_snapshot

    start(mia, project, seed=7)
    turn = Round.objects.get()
    start_job(turn.job_id)
    take_snapshot(actor=turn.created_by, turn=turn)
    assert start(mia, project, status=409, seed=7)["code"] == "round_running"
    shape = labelled.annotations.first()
    moved = shapely.transform(to_shapely(shape.geometry), lambda points: points + 1)
    edit = {"geometry": mapping(moved), "revision": shape.revision}
    address = f"{API}/annotations/{shape.pk}"
    answer = mia.patch(address, edit, format="json")
    assert answer.status_code == 200, answer.json()
    # No shape is read to tell.
    for name in ("from_geojson", "geometry.shape"):
        monkeypatch.setattr(f"shapely.{name}", None)
    start(mia, project, seed=7)


def test_only_a_manager_trains_and_a_reviewer_predicts(labelled, project, mia, run_jobs, api, user_factory):
    rob, ann = api(user_factory("rob")), api(user_factory("ann"))
    start(rob, project, status=403)
    start(mia, project, predict=False)
    run_jobs()
    [version] = versions(mia, project)
    address = f"{API}/projects/{project.pk}/predictions"
    body = {"model_version_id": version["id"], "slide_ids": [str(labelled.pk)]}
    assert ann.post(address, body, format="json").status_code == 403
    assert rob.post(address, body, format="json").status_code == 202


def test_a_prediction_of_a_region_stays_in_it(labelled, project, mia, run_jobs):
    start(mia, project, predict=False)
    run_jobs()
    [version] = versions(mia, project)
    region = square(1120, 1120, 672)
    body = {"model_version_id": version["id"], "slide_ids": [str(labelled.pk)], "region": region}
    assert mia.post(f"{API}/projects/{project.pk}/predictions", body, format="json").status_code == 202
    run_jobs()
    assert ObjectSet.objects.get().count == 9
    for wrong in (square(99_999, 0), {"type": "Point", "coordinates": [1, 1]}):
        answer = mia.post(
            f"{API}/projects/{project.pk}/predictions", {**body, "region": wrong}, format="json"
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_region")


def test_a_cancelled_round_leaves_nothing(labelled, project, mia, run_jobs, monkeypatch):
    from ml.methods.patches.descriptors.recipe import Descriptors

    turn = start(mia, project)
    cancelled = []

    def fit(self, dataset, context):
        """Cancel in the middle of training."""
        cancelled.append(mia.post(f"{API}/jobs/{turn['job']['id']}/cancel").status_code)
        for _ in range(100):
            context.report(0.5, Message("verbatim", text="learning"))

    monkeypatch.setattr(Descriptors, "fit", fit)
    monkeypatch.setattr("server.jobs.runner.REPORT_EVERY_SECONDS", 0)
    run_jobs()
    assert cancelled == [200]
    assert Job.objects.get(pk=turn["job"]["id"]).state == "cancelled"
    assert ModelVersion.objects.count() == ObjectSet.objects.count() == 0


def test_a_prediction_that_died_runs_again_with_the_same_result_once(
    labelled, project, mia, run_jobs, monkeypatch, home, tile_count
):
    """The second attempt after a dead worker resumes from its blocks and writes other files."""
    start(mia, project, predict=False)
    run_jobs()
    [version] = versions(mia, project)
    body = {"model_version_id": version["id"], "slide_ids": [str(labelled.pk)]}
    mia.post(f"{API}/projects/{project.pk}/predictions", body, format="json")
    from server.inference import predicting

    class PowerCutError(BaseException):
        pass

    blocks, kept = home / "storage" / "scratch" / "jobs", home / "kept"

    def die(**_):
        shutil.copytree(blocks, kept)
        raise PowerCutError

    finish = predicting.finish_prediction
    monkeypatch.setattr(predicting, "finish_prediction", die)
    with pytest.raises(PowerCutError):
        run_jobs()
    job = PredictionRun.objects.get().job
    assert Job.objects.get(pk=job.pk).state == "running"
    Job.objects.filter(pk=job.pk).update(state="queued")
    monkeypatch.setattr(predicting, "finish_prediction", finish)
    # A process that is killed has no time to clear them away.
    shutil.copytree(kept, blocks, dirs_exist_ok=True)
    with monkeypatch.context() as patched:
        patched.setattr("ml.methods.patches.descriptors.recipe.KernelPredictor.judge", None)
        run_jobs()
    first = ObjectSet.objects.get()
    assert (first.state, first.count) == ("ready", tile_count)
    assert not list(blocks.iterdir())
    mia.post(f"{API}/projects/{project.pk}/predictions", body, format="json")
    run_jobs()
    again = ObjectSet.objects.exclude(pk=first.pk).get()
    assert again.summary["digest"] == first.summary["digest"]
    folders = [path.name for path in (home / "storage" / "object-sets").iterdir()]
    assert sorted(folders) == sorted(s.storage_key.rpartition("/")[2] for s in ObjectSet.objects.all())


def test_progress_and_log_are_told(labelled, project, mia, run_jobs):
    turn = start(mia, project)
    run_jobs()
    events = JobEvent.objects.filter(job_id=turn["job"]["id"])
    assert list(events.filter(kind="state").values_list("data__state", flat=True)) == [
        "queued", "running", "succeeded"
    ]  # fmt: skip
    lines = [event.data["message"]["text"] for event in events.filter(kind="log")]
    assert any("held out" in line for line in lines)
    assert any("held-out items" in line for line in lines)
    updates = JobEvent.objects.filter(kind="update").values_list("data__what", flat=True)
    assert {"heat_maps", "objects"} <= set(updates)


def test_a_finished_region_makes_its_unmarked_rest_negative(
    mosaic, project, mia, run_jobs, label_factory, tile_count
):
    label = label_factory(project)
    for x, y in ((1120, 1120), (1792, 1120), (1120, 1568), (2688, 1792), (2240, 2464)):
        draw(mia, mosaic, label, square(x, y))
    assert "one_class_only" in codes(check(mia, project)["blockers"])
    body = {"id": str(uuid.uuid4()), "geometry": square(448, 448, 2688)}
    assert mia.post(f"{API}/slides/{mosaic.pk}/regions", body, format="json").status_code == 201
    assert check(mia, project)["ready"], check(mia, project)
    start(mia, project)
    run_jobs()
    [version] = versions(mia, project)
    assert version["metrics"]["labels"] == [label.name, "background"]
    # What the model takes for background is no suggestion.
    assert 0 < ObjectSet.objects.get().count < tile_count


def test_the_exported_slide_comes_back_in_the_same(labelled, project, mia, run_jobs, tile_count):
    start(mia, project)
    run_jobs()
    exported = mia.get(f"{API}/slides/{labelled.pk}/export.geojson?suggestions=true")
    features = json.loads(exported.content)["features"]
    kinds = [feature["properties"]["objectType"] for feature in features]
    assert (kinds.count("annotation"), kinds.count("detection")) == (5, tile_count)


def test_deleting_a_slide_takes_its_suggestions_along(labelled, project, mia, run_jobs):
    start(mia, project)
    run_jobs()
    assert mia.delete(f"{API}/slides/{labelled.pk}").status_code == 204
    assert ObjectSet.objects.count() == 0
