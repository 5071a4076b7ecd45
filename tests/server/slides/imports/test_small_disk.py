"""The storage on a full disk: no partial file stays, and work continues afterwards."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from kombu import Connection

from ml.messages import Message
from server.core.files import storage
from server.jobs.models import Job
from server.slides.models import Slide
from tests.server.slides.conftest import API, append, begin, send

pytestmark = pytest.mark.django_db

MEBIBYTE = 2**20


@pytest.fixture
def disk(home, settings, tmp_path):
    """A file system of three MiB with the storage; ``disk(rest)`` fills it up to the rest in bytes."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={3 * MEBIBYTE}", "tmpfs", str(mounted)]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        pytest.skip("a file system cannot be mounted here")
    settings.STORAGE_ROOT = mounted / "storage"
    settings.STORAGE_ROOT.mkdir()
    filler = mounted / "filler"

    def fill(rest):
        free = os.statvfs(mounted)
        filler.write_bytes(bytes(max(0, free.f_bavail * free.f_frsize - rest)))

    fill.again = filler.unlink
    yield fill
    subprocess.run(["umount", "--lazy", str(mounted)], check=True)


def files():
    root = storage.storage_path("x").parent
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_an_upload_is_refused_goes_on_and_is_given_up(mia, project, disk, django_capture_on_commit_callbacks):
    content = bytes(MEBIBYTE)
    disk(MEBIBYTE // 2)
    address = begin(mia, project, len(content))["Location"]
    answer = append(mia, address, content)
    assert (answer.status_code, answer.json()["code"]) == (507, "no_space")
    disk.again()
    offset = int(mia.head(address)["Upload-Offset"])
    assert offset < len(content)
    assert append(mia, address, content[offset:], offset).status_code == 204
    second = begin(mia, project, 10)["Location"]
    with django_capture_on_commit_callbacks(execute=True):
        assert mia.delete(second).status_code == 204


def test_an_import_fails_for_lack_of_room_and_is_tried_again(mia, project, disk, data, run_jobs):
    """Each retry has a little more room, so that every step of the import meets the full disk."""
    send(mia, project, data / "broken" / "boxes.tiff")
    [arrived] = files()
    failed = 0
    for rest in range(0, MEBIBYTE, 12_288):
        disk(rest)
        run_jobs()
        job, slide = Job.objects.get(kind="import_slide"), Slide.objects.get()
        if slide.state == "ready":
            break
        failed += 1
        assert (job.state, job.error_code, slide.state) == ("failed", "no_space", "failed")
        assert (slide.failure_code, slide.failure) == ("no_space", Message("disk_full"))
        assert files() == [arrived]
        disk.again()
        assert mia.post(f"{API}/jobs/{job.pk}/retry").status_code == 200
    assert failed >= 2
    assert Slide.objects.get().state == "ready"
    assert arrived not in files()


def test_a_message_is_whole_or_not_there(disk):
    messages = Path(storage.storage_path("messages"))
    messages.mkdir()
    options = {"data_folder_in": str(messages), "data_folder_out": str(messages)}
    transport = "server.core.files.broker:Transport"
    with Connection("filesystem://", transport=transport, transport_options=options) as connection:
        channel = connection.default_channel
        disk(0)
        with pytest.raises(OSError, match="No space"):
            channel._put("io", {"body": "x" * 10_000, "properties": {}})
        assert list(messages.iterdir()) == []
        disk.again()
        channel._put("io", {"body": "job", "properties": {}})
        assert channel._get("io")["body"] == "job"
