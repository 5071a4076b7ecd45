"""From a changed label to new suggestions for a whole slide with stored features.

``service`` runs the product's own services and jobs in one process; ``end_to_end`` goes through the HTTP API
of a running installation, its file-system broker and its worker, and polls until new suggestions are current.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from tests.bench.harness import ROOT, Figure, bench, data_folder

TURNS = 7
SERVICE_AIM, END_TO_END_AIM = 1.0, 5.0


@bench("quickloop")
def measure_quickloop() -> Iterator[Figure]:
    """Measure medians of several turns; the baseline of each is the product's target."""
    service = _service_seconds()
    yield Figure(
        "quickloop.service",
        statistics.median(service),
        "s",
        SERVICE_AIM,
        f"{len(service)} turns, slowest {max(service):.2f} s; baseline: the aim",
    )
    whole, cold = _end_to_end_seconds()
    yield Figure(
        "quickloop.end_to_end",
        statistics.median(whole),
        "s",
        END_TO_END_AIM,
        f"{len(whole)} turns, slowest {max(whole):.2f} s; baseline: the aim",
    )
    yield Figure("quickloop.first", cold, "s", note="the first turn: no version to compare with yet")


def _service_seconds() -> list[float]:
    with tempfile.TemporaryDirectory(prefix="coverslip-bench-") as home:
        environment = {
            **os.environ,
            "COVERSLIP_HOME": home,
            "DJANGO_SETTINGS_MODULE": "server.config.settings.development",
        }
        for name in ("DATABASE_URL", "CELERY_BROKER_URL"):
            environment.pop(name, None)
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.rigs.quickloop_service", str(TURNS)],
            cwd=ROOT,
            env=environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    return [float(number) for number in json.loads(done.stdout.splitlines()[-1])]


def _end_to_end_seconds() -> tuple[list[float], float]:
    from tests.e2e.conftest import Installation, import_slide

    with tempfile.TemporaryDirectory(prefix="coverslip-bench-") as home:
        installation = Installation(Path(home), {})
        installation.start()
        try:
            admin = installation.client("admin")
            [demo] = [p for p in admin.get("/projects").json()["results"] if p["name"] == "Demo"]
            slide = import_slide(installation, data_folder() / "slides/colorectal-mosaic.tif", demo["id"])
            truth = (data_folder() / "slides/colorectal-mosaic-truth.geojson").read_bytes()
            admin.post(
                f"/slides/{slide}/import",
                files={"file": ("truth.geojson", truth)},
                data={"create_labels": "true"},
            ).raise_for_status()
            turns = [_turn(admin, demo["id"], slide, number) for number in range(TURNS + 1)]
        finally:
            installation.stop()
    return turns[1:], turns[0]


def _turn(client, project: str, slide: str, number: int) -> float:
    """Change a label, train, and wait until the new version's suggestions are the slide's current ones."""
    labels = [row["id"] for row in client.get(f"/projects/{project}/labels").json()["results"]][-2:]
    began = time.perf_counter()
    _mark(client, slide, labels, number)
    round_ = client.post(f"/projects/{project}/rounds", json={"recipe": "descriptors"})
    round_.raise_for_status()
    while True:
        sets = client.get(f"/slides/{slide}/object-sets", params={"current": "true"}).json()["results"]
        if sets and sets[0]["producer_name"].endswith(f"v{number + 1}") and sets[0]["state"] == "ready":
            return time.perf_counter() - began
        time.sleep(0.02)


def _mark(client, slide: str, labels: list[str], number: int) -> None:
    """Draw one more square inside the truth of its label."""
    left, top = 40 + 230 * number, 40
    ring = [[left, top], [left + 60, top], [left + 60, top + 60], [left, top + 60], [left, top]]
    body = {
        "id": str(uuid.uuid4()),
        "label_id": labels[0],
        "shape": "polygon",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    client.post(f"/slides/{slide}/annotations", json=body).raise_for_status()
