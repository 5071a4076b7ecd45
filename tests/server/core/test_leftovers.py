"""Unreferenced files are deleted; referenced files stay."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from ml.messages import Message
from server.core.files import leftovers, storage
from server.core.files.leftovers import KEPT, release, sweep_storage
from server.inference.hooks import FEATURES_KEPT
from server.jobs.services import create_job
from server.slides.models import Slide, Upload

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[3]
SHA = "ab" * 32


def put(key: str) -> Path:
    path = storage.storage_path(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"content")
    return path


def sweep_after(age):
    return sweep_storage(timezone.now() + age)


def test_a_referenced_key_is_not_released(project_factory, slide_factory):
    slide = slide_factory(project_factory(), sha256=SHA)
    kept = put(f"slides/{SHA}/slide.json")
    assert not release(f"slides/{SHA}")
    assert kept.exists()
    slide.delete()
    assert release(f"slides/{SHA}")
    assert not list(kept.parents[1].iterdir())
    assert release(f"slides/{SHA}")


FOLDERS = [
    "slides", "uploads", "quarantine", "imports", "imports/previews", "object-sets", "heat-maps", "models",
    "uploaded-weights", "snapshots", "atlases", "explanations", "paintings", storage.TEMPORARY,
]  # fmt: skip


FEATURES = ["features", "features/contents"]


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("name", ["00000000-0000-0000-0000-000000000001", ".half-written", "no id of a row"])
def test_old_unreferenced_files_are_swept(folder, name):
    left = put(f"{folder}/{name}/file")
    sweep_after(KEPT - timedelta(hours=1))
    assert left.exists()
    sweep_after(KEPT + timedelta(hours=1))
    assert not left.parent.exists()


def test_every_folder_of_the_storage_is_swept():
    # But folders of jobs, which the sweep of jobs removes.
    assert {*FOLDERS, *FEATURES} == set(leftovers._holdings)


@pytest.mark.parametrize("folder", FEATURES)
def test_features_are_swept_when_their_slide_is_gone_for_long(folder, project_factory, slide_factory):
    slide = slide_factory(project_factory(), sha256=SHA)
    kept, left = put(f"features/{SHA}/hog-1/piece.npy"), put(f"{folder}/{'cd' * 32}")
    sweep_after(FEATURES_KEPT - timedelta(hours=1))
    assert left.exists()
    sweep_after(FEATURES_KEPT + timedelta(hours=1))
    assert (kept.exists(), left.exists()) == (True, False)
    assert storage.storage_path("features").is_dir()
    slide.delete()
    sweep_after(FEATURES_KEPT + timedelta(hours=1))
    assert not kept.exists()


@pytest.fixture
def upload(project_factory, user_factory):
    project = project_factory(manager="mia")
    made = Upload(project=project, user=user_factory("mia"), filename="a.svs", length=7)
    made.storage_key = f"uploads/{made.pk}"
    made.save()
    put(made.storage_key)
    return made


def test_an_upload_is_kept_until_it_expires_and_then_its_row_goes_too(
    upload, settings, django_capture_on_commit_callbacks
):
    path = storage.storage_path(upload.storage_key)
    sweep_after(KEPT + timedelta(hours=1))
    assert path.exists()
    settings.UPLOAD_EXPIRY_SECONDS = 3600
    with django_capture_on_commit_callbacks(execute=True):
        sweep_after(timedelta(hours=2))
    assert not path.exists()
    assert not Upload.objects.exists()


def test_the_files_of_a_failed_import_stay_until_its_slide_is_deleted(upload, slide_factory, user_factory):
    job = create_job(
        actor=user_factory("mia"), kind="import_slide", title=Message("verbatim", text="Import"), queue="io",
        input={"files": {"slide.svs": upload.storage_key}}, project=upload.project,
    )  # fmt: skip
    slide = slide_factory(upload.project, state="failed", sha256="", import_job_id=job.pk)
    Upload.objects.update(slide=slide)
    sweep_after(KEPT * 2)
    assert storage.storage_path(upload.storage_key).exists()
    Slide.objects.update(state="ready", sha256=SHA)
    sweep_after(KEPT * 2)
    assert not storage.storage_path(upload.storage_key).exists()


def test_a_temporary_folder_is_swept_when_its_process_was_killed(home, settings):
    with storage.temporary_folder("import") as mine:
        script = (
            "import os, signal, django; django.setup();"
            "from server.core.files.storage import temporary_folder;"
            "folder = temporary_folder('import'); print(folder.__enter__(), flush=True);"
            "os.kill(os.getpid(), signal.SIGKILL)"
        )
        environment = {
            **os.environ,
            "COVERSLIP_HOME": str(home),
            "DJANGO_SETTINGS_MODULE": "server.config.settings.testing",
        }
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        dead = Path(done.stdout.strip())
        assert dead.parent == mine.parent
        assert dead.is_dir()
        sweep_after(KEPT * 2)
        assert mine.is_dir()
        assert not dead.exists()
    assert not mine.exists()


def test_a_chore_that_fails_keeps_nothing_from_being_swept(monkeypatch):
    monkeypatch.setitem(leftovers._chores, "a broken one", lambda _now: 1 / 0)
    left = put("snapshots/nobody.json")
    assert sweep_after(KEPT * 2) == 1
    assert not left.exists()


def test_a_file_has_its_name_only_when_it_is_complete(home):
    final = storage.storage_path("imports/one")

    def fail():
        with storage.new_file(final) as file:
            file.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(final.parent.iterdir()) == []
    with storage.new_file(final) as file:
        file.write(b"whole")
    assert [path.name for path in final.parent.iterdir()] == ["one"]
