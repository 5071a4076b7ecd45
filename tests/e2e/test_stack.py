"""Real processes: the web server streams, workers work, a killed worker loses nothing."""

from __future__ import annotations

import json
import os
import signal

import httpx
import pytest

from ml.slides import write_phantom
from ml.slides.phantom.truth import feature
from tests.e2e.conftest import import_slide, wait_for

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def project(installation):
    admin = installation.client("admin")
    [demo] = [p for p in admin.get("/projects").json()["results"] if p["name"] == "Demo"]
    return demo["id"]


@pytest.fixture(scope="module")
def phantom(installation, project, tmp_path_factory):
    """A phantom with its regions as annotations; large enough that looking at it takes seconds."""
    folder = tmp_path_factory.mktemp("phantom")
    truth = write_phantom(folder / "phantom.tif", width=5120, height=5120, seed=3)
    slide = import_slide(installation, folder / "phantom.tif", project)
    regions = [feature("annotation", name, shape) for name, shape in truth.regions]
    content = json.dumps({"type": "FeatureCollection", "features": regions}).encode()
    answer = installation.client("manager").post(
        f"/slides/{slide}/import",
        files={"file": ("truth.geojson", content)},
        data={"create_labels": "true"},
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
    wait_for(lambda: manager.get(f"/jobs/{job['id']}").json()["state"] == "succeeded", seconds=120)
    assert manager.get(f"/jobs/{job['id']}").json()["attempt"] == 2
    assert installation.processes("worker-cpu") not in ([], [worker])
    [made] = [row for row in sets_of(manager, phantom) if row["id"] not in before]
    assert (made["state"], made["superseded_at"]) == ("ready", None)

    [again] = manager.post(f"/projects/{project}/predictions", json=request).json()["jobs"]
    wait_for(lambda: manager.get(f"/jobs/{again['id']}").json()["state"] == "succeeded", seconds=120)
    undisturbed = sets_of(manager, phantom, current="true")[0]
    assert undisturbed["summary"]["digest"] == made["summary"]["digest"]
    assert undisturbed["count"] == made["count"] > 0


def test_cancel_means_cancelled(installation, project, phantom):
    manager = installation.client("manager")
    body = {"recipe": "residual", "config": {"epochs": 500, "minutes": 60}, "seed": 5}
    turn = manager.post(f"/projects/{project}/rounds", json=body).json()
    address = f"/jobs/{turn['job']['id']}"
    wait_for(lambda: manager.get(address).json()["progress"] > 0)
    assert manager.post(f"{address}/cancel").status_code == 200
    wait_for(lambda: manager.get(address).json()["state"] == "cancelled", seconds=60)
    assert manager.get(f"/rounds/{turn['id']}").json()["model_version"] is None


def test_events_stream_and_are_taken_up_again_where_they_broke(installation, project, phantom):
    manager = installation.client("manager")
    turn = manager.post(f"/projects/{project}/rounds", json={"recipe": "descriptors", "seed": 9}).json()
    address = f"/jobs/{turn['job']['id']}/events"

    def read(after: str = "", limit: int = 10_000) -> list[tuple[str, str]]:
        seen, number, kind = [], "", ""
        with manager.stream("GET", address, headers={"Last-Event-ID": after}, timeout=60) as answer:
            assert answer.headers["content-type"] == "text/event-stream"
            for line in answer.iter_lines():
                if line.startswith("id: "):
                    number = line[4:]
                elif line.startswith("event: "):
                    kind = line[7:]
                elif line.startswith("data: "):
                    seen.append((number, kind))
                    if kind == "end" or len(seen) == limit:
                        break
        return seen

    first = read(limit=2)
    rest = read(after=first[-1][0])
    assert rest[-1][1] == "end"
    numbers = [int(number) for number, kind in [*first, *rest] if kind != "end"]
    assert numbers == sorted(set(numbers))
    assert [kind for _, kind in [*first, *rest]].count("state") == 3
    manager.wait_for_jobs(project)


def test_the_front_end_is_served_with_its_policy(installation):
    page = httpx.get(f"{installation.address}/projects/anything")
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
