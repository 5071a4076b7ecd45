"""Real processes: the web server streams, workers work, a killed worker loses no job."""

from __future__ import annotations

import json
import os
import signal
from uuid import uuid4

import httpx
import pytest

from ml.slides import write_phantom
from ml.slides.phantom.truth import feature
from tests.e2e.conftest import import_slide, wait_for

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def project(installation):
    admin = installation.client("admin")
    [demo] = [p for p in admin.get("/projects").json()["results"] if p["name"] == "Demo"]
    return demo["id"]


@pytest.fixture(scope="module")
def phantom(installation, project, tmp_path_factory):
    """Import a phantom with its regions as annotations, large enough that a prediction takes seconds."""
    folder = tmp_path_factory.mktemp("phantom")
    truth = write_phantom(folder / "phantom.tif", width=5120, height=5120, seed=3)
    slide = import_slide(installation, folder / "phantom.tif", project)
    # As the labels of the demo are written: another letter case would be asked about.
    regions = [feature("annotation", name.capitalize(), shape) for name, shape in truth.regions]
    content = json.dumps({"type": "FeatureCollection", "features": regions}).encode()
    answer = installation.client("manager").post(
        f"/slides/{slide}/import",
        files={"file": ("truth.geojson", content)},
    )
    assert answer.json()["created"] >= 2, answer.json()
    return slide


def sets_of(client, slide, **query):
    return client.get(f"/slides/{slide}/object-sets", params=query).json()["results"]


def test_a_killed_worker_loses_nothing(installation, project, phantom):
    manager = installation.client("manager")
    # A fine grid whose features nobody has computed: the prediction has to work for seconds.
    body = {"recipe": "descriptors", "config": {"patch": 112, "stride": 56}, "predict": False}
    answer = manager.post(f"/projects/{project}/rounds", json=body)
    assert answer.status_code == 201, answer.json()
    manager.wait_for_jobs(project)
    version = manager.get(f"/projects/{project}/model-versions").json()["results"][0]
    before = {row["id"] for row in sets_of(manager, phantom)}
    request = {"model_version_id": version["id"], "slide_ids": [phantom]}
    [job] = manager.post(f"/projects/{project}/predictions", json=request).json()["jobs"]

    def is_in_the_middle():
        now = manager.get(f"/jobs/{job['id']}").json()
        assert now["state"] != "succeeded", "the prediction was too quick to be killed in its middle"
        return now["state"] == "running" and now["progress"] > 0.05

    wait_for(is_in_the_middle, every=0.02)
    [worker] = installation.processes("worker-cpu")
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: manager.get(f"/jobs/{job['id']}").json()["state"] == "succeeded")
    assert manager.get(f"/jobs/{job['id']}").json()["attempt"] == 2
    assert installation.processes("worker-cpu") not in ([], [worker])
    [made] = [row for row in sets_of(manager, phantom) if row["id"] not in before]
    assert (made["state"], made["superseded_at"]) == ("ready", None)

    [again] = manager.post(f"/projects/{project}/predictions", json=request).json()["jobs"]
    wait_for(lambda: manager.get(f"/jobs/{again['id']}").json()["state"] == "succeeded")
    undisturbed = sets_of(manager, phantom, current="true")[0]
    assert undisturbed["summary"]["digest"] == made["summary"]["digest"]
    assert undisturbed["count"] == made["count"] > 0


def test_two_planned_stops_do_not_fail_a_job(installation, project, phantom):
    """A worker stopped in the middle hands back its job; another one resumes it."""
    manager = installation.client("manager")
    body = {"recipe": "residual", "config": {"epochs": 500, "minutes": 60}, "seed": 6}
    turn = manager.post(f"/projects/{project}/rounds", json=body).json()
    address = f"/jobs/{turn['job']['id']}"

    def is_running():
        now = manager.get(address).json()
        assert now["state"] in ("queued", "running"), now
        return now["state"] == "running" and now["progress"] > 0

    part = "worker-gpu"
    for _ in range(3):
        wait_for(is_running, every=0.05)
        [worker] = installation.processes(part)
        os.kill(worker, signal.SIGTERM)
        wait_for(lambda worker=worker: installation.processes(part) not in ([], [worker]))
    wait_for(is_running)
    # A round may be tried three times: a fourth attempt shows that stops are not counted.
    assert manager.get(address).json()["attempt"] == 4
    manager.post(f"{address}/cancel")
    manager.wait_for_jobs(project)


@pytest.mark.skipif("CELERY_BROKER_URL" in os.environ, reason="messages are no files: the broker is Redis")
def test_an_empty_message_ends_nothing(installation, project, tmp_path):
    workers = {part: installation.processes(part) for part in ("worker-io", "worker-cpu", "worker-gpu")}
    messages = installation.home / "broker" / "messages"
    for queue in ("io", "cpu", "gpu"):
        (messages / f"0000_damaged.{queue}.msg").touch()
    aside = messages.parent / "unreadable"
    wait_for(lambda: len(list(aside.glob("*.msg"))) == len(workers))
    write_phantom(tmp_path / "after.tif", width=512, height=512, seed=8)
    import_slide(installation, tmp_path / "after.tif", project)
    assert workers == {part: installation.processes(part) for part in workers}


def test_jobs_are_taken_from_a_worker_that_hangs_though_every_worker_hangs(installation, project, phantom):
    manager = installation.client("manager")
    body = {"recipe": "residual", "config": {"epochs": 500, "minutes": 60}, "seed": 7}
    turn = manager.post(f"/projects/{project}/rounds", json=body).json()
    address = f"/jobs/{turn['job']['id']}"
    wait_for(lambda: manager.get(address).json()["progress"] > 0)
    workers = [pid for part in ("io", "cpu", "gpu") for pid in installation.processes(f"worker-{part}")]
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        wait_for(lambda: manager.get(address).json()["state"] == "queued")
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
    assert manager.post(f"{address}/cancel").status_code == 200
    wait_for(lambda: manager.get(address).json()["state"] == "cancelled")
    manager.wait_for_jobs(project)


def test_cancel_means_cancelled(installation, project, phantom):
    manager = installation.client("manager")
    body = {"recipe": "residual", "config": {"epochs": 500, "minutes": 60}, "seed": 5}
    turn = manager.post(f"/projects/{project}/rounds", json=body).json()
    address = f"/jobs/{turn['job']['id']}"
    wait_for(lambda: manager.get(address).json()["progress"] > 0)
    assert manager.post(f"{address}/cancel").status_code == 200
    wait_for(lambda: manager.get(address).json()["state"] == "cancelled")
    assert manager.get(f"/rounds/{turn['id']}").json()["model_version"] is None


def test_events_stream_and_are_taken_up_again_where_they_broke(installation, project, phantom):
    manager = installation.client("manager")
    turn = manager.post(f"/projects/{project}/rounds", json={"recipe": "descriptors", "seed": 9}).json()
    address = f"/events?topic=job:{turn['job']['id']}"

    def read(after: str = "", limit: int = 10_000) -> list[dict]:
        messages = []
        with manager.stream("GET", address, headers={"Last-Event-ID": after}, timeout=60) as answer:
            assert answer.headers["content-type"] == "text/event-stream"
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    messages.append(json.loads(line[6:]))
                    if messages[-1]["name"] == "end" or len(messages) == limit:
                        break
        return messages

    first = read(limit=2)
    rest = read(after=str(first[-1]["number"]))
    assert rest[-1]["name"] == "end"
    numbers = [message["number"] for message in [*first, *rest[:-1]]]
    assert numbers == sorted(set(numbers))
    assert [message["name"] for message in [*first, *rest]].count("state") == 3
    manager.wait_for_jobs(project)


def test_the_web_server_stops_while_a_page_holds_its_event_stream(installation, project, phantom):
    client = installation.client("manager")
    with client.stream("GET", f"/events?topic=project:{project}", timeout=60) as answer:
        assert answer.status_code == 200
        (web,) = installation.processes("web")
        os.kill(web, signal.SIGTERM)
        # Another process takes its place although this stream is still open.
        wait_for(lambda: installation.processes("web") not in ([], [web]))
    wait_for(installation.answers)


def test_the_front_end_is_served_with_its_policy(installation):
    page = httpx.get(f"{installation.address}/projects/{uuid4()}")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert '<div id="root">' in page.text


def test_a_taken_port_is_said_at_once(installation):
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "manage.py", "up", "--port", str(installation.port)],
        env=installation._environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode != 0
    assert "is taken" in done.stderr
