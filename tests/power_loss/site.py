"""An installation on SQLite that acknowledges work until its disk is gone, and a reading of what it kept.

``python -m tests.power_loss.site work IMAGE`` prints each acknowledgement as a line of JSON: saved
annotations, parts of an upload, an imported slide and an import of objects. ``... check`` prints those that
the installation has now. Both work in ``COVERSLIP_HOME``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "server.config.settings.development")
django.setup()

from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: E402 - after Django is set up, as all that follows
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402

from server.accounts.models import User  # noqa: E402
from server.annotations.models import Annotation  # noqa: E402
from server.config.celery import app  # noqa: E402
from server.core.files.storage import storage_path  # noqa: E402
from server.jobs.models import Job  # noqa: E402
from server.jobs.runner import run_job  # noqa: E402
from server.objects.models import ObjectSet  # noqa: E402
from server.objects.selectors import open_object_set  # noqa: E402
from server.projects.models import Label, Project  # noqa: E402
from server.slides.models import Slide, Upload  # noqa: E402

PART = 10_000


def work(image: Path) -> Iterator[dict[str, Any]]:
    """Yield the acknowledgements of an installation that goes on saving annotations for ever."""
    call_command("migrate", verbosity=0)
    project = Project.objects.create(name="Kept")
    label = Label.objects.create(project=project, name="Tumour", colour="#d55e00")
    user = User.objects.create(username="mia")
    project.memberships.create(user=user, role="manager")
    client = Client(HTTP_HOST="localhost")
    client.force_login(user, backend="server.accounts.sessions.PasswordBackend")
    yield from _upload(client, project, image)
    slide = Slide.objects.get(state=Slide.State.READY)
    yield from _import_objects(client, slide)
    address = _begin_upload(client, project, "half.tiff", 4 * PART)
    for offset in range(0, 2 * PART, PART):
        _append(client, address, bytes([offset % 251]) * PART, offset)
        yield {"upload": address.rpartition("/")[2], "bytes": offset + PART}
    while True:
        key = str(uuid.uuid4())
        square = {"type": "Polygon", "coordinates": [[[9, 9], [20, 9], [20, 20], [9, 9]]]}
        change = {
            "op": "create",
            "id": key,
            "shape": "polygon",
            "geometry": square,
            "label_id": str(label.pk),
        }
        answer = client.post(
            f"/api/v1/slides/{slide.pk}/annotations/batch",
            json.dumps({"changes": [change | {"label_id": str(label.pk)}]}),
            content_type="application/json",
        )
        assert answer.status_code == 200, answer.content
        yield {"annotation": key}


def _begin_upload(client: Client, project: Project, name: str, length: int) -> str:
    metadata = {"project": str(project.pk), "filename": name}
    words = (f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in metadata.items())
    answer = client.post(
        "/api/v1/uploads",
        headers={"Tus-Resumable": "1.0.0", "Upload-Length": str(length), "Upload-Metadata": ",".join(words)},
    )
    assert answer.status_code == 201, answer.content
    return answer["Location"]


def _append(client: Client, address: str, content: bytes, offset: int) -> None:
    answer = client.patch(
        address,
        content,
        content_type="application/offset+octet-stream",
        headers={"Tus-Resumable": "1.0.0", "Upload-Offset": str(offset)},
    )
    assert answer.status_code == 204, answer.content


def _upload(client: Client, project: Project, image: Path) -> Iterator[dict[str, Any]]:
    content = image.read_bytes()
    _append(client, _begin_upload(client, project, image.name, len(content)), content, 0)
    [job] = Job.objects.filter(kind="import_slide", state=Job.State.QUEUED)
    yield {"job": str(job.pk)}
    _run_jobs()
    yield {"slide": hashlib.sha256(content).hexdigest()}


def _import_objects(client: Client, slide: Slide) -> Iterator[dict[str, Any]]:
    square = {"type": "Polygon", "coordinates": [[[9, 9], [20, 9], [20, 20], [9, 9]]]}
    features = [{"type": "Feature", "geometry": square, "properties": {}}] * 3
    content = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    answer = client.post(
        f"/api/v1/slides/{slide.pk}/import",
        {"file": SimpleUploadedFile("three.geojson", content), "become": "objects"},
    )
    assert answer.status_code == 202, answer.content
    yield {"job": answer.json()["job_id"]}
    _run_jobs()
    yield {"objects": 3}


def _run_jobs() -> None:
    app.loader.import_default_modules()
    while job := Job.objects.filter(state=Job.State.QUEUED).order_by("created_at").first():
        run_job(job.pk, with_heart=False)
        assert Job.objects.get(pk=job.pk).state == Job.State.SUCCEEDED, job.kind


def check() -> Iterator[dict[str, Any]]:
    """Yield the acknowledgements of ``work`` that an installation still honours."""
    for job in Job.objects.all():
        yield {"job": str(job.pk)}
    for slide in Slide.objects.filter(state=Slide.State.READY):
        yield {"slide": hashlib.sha256(storage_path(slide.source_key).read_bytes()).hexdigest()}
    for made in ObjectSet.objects.filter(state=ObjectSet.State.READY):
        yield {"objects": len(open_object_set(made).columns()["x"])}
    for upload in Upload.objects.all():
        path = storage_path(upload.storage_key)
        whole = path.read_bytes() if path.exists() else b""
        for end in range(PART, len(whole) + 1, PART):
            if whole[end - PART : end] == bytes([(end - PART) % 251]) * PART:
                yield {"upload": str(upload.pk), "bytes": end}
    for key in Annotation.objects.values_list("pk", flat=True):
        yield {"annotation": str(key)}


if __name__ == "__main__":
    for line in work(Path(sys.argv[2])) if sys.argv[1] == "work" else check():
        print(json.dumps(line, sort_keys=True), flush=True)  # noqa: T201 - a program
