"""Acknowledged files are on the disk: files and folders are flushed before the response."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.db import connection

from server.core.files import storage
from server.jobs.models import Job
from server.slides.imports.manifest import slide_key
from server.slides.models import Slide, Upload
from tests.server.slides.conftest import append, begin, send

pytestmark = pytest.mark.django_db


@pytest.fixture
def flushed(monkeypatch, settings):
    """The paths below the storage that were flushed, in order."""
    paths = []
    fsync = os.fsync

    def note(handle):
        path = Path(f"/proc/self/fd/{handle}").readlink()
        root = Path(settings.STORAGE_ROOT).resolve()
        if path.is_relative_to(root):
            paths.append(path.relative_to(root).as_posix())
        fsync(handle)

    monkeypatch.setattr(os, "fsync", note)
    return paths


@pytest.fixture
def project(project_factory):
    return project_factory(reviewer="rob", manager="mia")


@pytest.fixture
def mia(api, user_factory, project):
    return api(user_factory("mia"))


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL flushes by itself")
def test_each_commit_is_flushed():
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous")
        assert cursor.fetchone() == (2,)


def test_each_part_of_an_upload_is_flushed_before_it_is_acknowledged(mia, project, flushed):
    address = begin(mia, project, 10)["Location"]
    key = Upload.objects.get().storage_key
    assert flushed == [".", key, "uploads"]
    flushed.clear()
    for offset, part in enumerate((b"12345", b"67890")):
        assert append(mia, address, part, offset * 5).status_code == 204
        assert flushed == [key] * (offset + 1)


def test_an_import_is_flushed_before_the_slide_is_ready(mia, project, data, run_jobs, flushed):
    send(mia, project, data / "broken" / "boxes.tiff")
    flushed.clear()
    run_jobs()
    assert Job.objects.get(kind="import_slide").state == "succeeded"
    slide = Slide.objects.get()
    written = {Path(path).name for path in flushed}
    content = storage.storage_path(slide_key(slide.sha256))
    assert {path.name for path in content.rglob("*")} <= written
    # The folder that has the name of the content is flushed after all that is in it.
    assert "slides" in flushed
    last = flushed.index("slides")
    assert all(flushed.index(path) < last for path in flushed if path.endswith("slide.json"))


def test_a_file_of_objects_is_flushed_before_its_job_is_acknowledged(
    api, user_factory, project, slide_factory, flushed
):
    from django.core.files.uploadedfile import SimpleUploadedFile

    slide = slide_factory(project)
    file = SimpleUploadedFile("a.geojson", b'{"type": "FeatureCollection", "features": []}')
    answer = api(user_factory("rob")).post(
        f"/api/v1/slides/{slide.pk}/import", {"file": file, "become": "objects"}
    )
    assert answer.status_code == 202, answer.json()
    job = answer.json()["job_id"]
    assert flushed[-4:] == [".", "scratch", "scratch/jobs", f"scratch/jobs/{job}"]
    assert any(path.startswith("imports/.") for path in flushed)


def test_a_file_of_one_piece_is_flushed_with_its_folder(flushed):
    storage.write_bytes("snapshots/one.json", b"{}")
    assert [Path(path).parent.name for path in flushed] == ["", "snapshots", ""]
    assert flushed[0] == "."
