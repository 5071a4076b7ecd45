"""Slides of two projects share their bytes; deleting one of them never takes the bytes of the other."""

from __future__ import annotations

import threading

import pytest
from django.db import close_old_connections, connection, transaction

from server.core.files.leftovers import release
from server.core.files.storage import storage_path
from server.jobs.models import Job
from server.jobs.runner import run_job
from server.slides.imports import steps as importing
from server.slides.imports.manifest import slide_key
from server.slides.models import Slide
from tests.server.slides.conftest import API, send

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def other(project_factory):
    return project_factory("Other", manager="max")


@pytest.fixture
def max_(api, user_factory, other):
    return api(user_factory("max"))


def run_import(project):
    run_job(Job.objects.get(kind="import_slide", project=project).pk, with_heart=False)


def test_a_slide_that_is_deleted_between_store_and_finish_of_another_leaves_it_its_bytes(
    mia, max_, project, other, data, monkeypatch
):
    path = data / "broken" / "boxes.tiff"
    send(mia, project, path)
    run_import(project)
    first = Slide.objects.get(project=project)
    send(max_, other, path)
    finish = importing.finish_import

    def delete_before(**values):
        monkeypatch.setattr(importing, "finish_import", finish)
        assert mia.delete(f"{API}/slides/{first.pk}").status_code == 204
        assert not storage_path(slide_key(first.sha256)).exists()
        return finish(**values)

    monkeypatch.setattr(importing, "finish_import", delete_before)
    run_import(other)
    second = Slide.objects.get()
    assert (second.state, second.sha256) == ("ready", first.sha256)
    assert storage_path(second.source_key).is_file()
    assert max_.get(f"{API}/slides/{second.pk}/thumbnail.jpg").status_code == 200


def test_bytes_are_not_deleted_while_another_slide_begins_to_have_them(
    mia, max_, project, other, data, monkeypatch
):
    """The deletion looks for other slides while the other row is not committed yet."""
    path = data / "broken" / "boxes.tiff"
    send(mia, project, path)
    run_import(project)
    first = Slide.objects.get(project=project)
    send(max_, other, path)
    finish = importing.finish_import
    done = threading.Event()

    def delete():
        try:
            release(slide_key(first.sha256))
        finally:
            done.set()
            connection.close()

    def finish_slowly(**values):
        Slide.objects.filter(pk=first.pk).update(state="failed", sha256="")
        with transaction.atomic():
            slide = finish(**values)
            thread = threading.Thread(target=delete)
            thread.start()
            done.wait(1)
        thread.join()
        close_old_connections()
        return slide

    monkeypatch.setattr(importing, "finish_import", finish_slowly)
    run_import(other)
    assert storage_path(Slide.objects.get(project=other).source_key).is_file()


def test_a_slide_names_the_file_that_deduplication_kept(mia, max_, project, other, data):
    path = data / "broken" / "boxes.tiff"
    send(mia, project, path, filename="x.tiff")
    send(max_, other, path, filename="x.tif")
    for each in (project, other):
        run_import(each)
    keys = set(Slide.objects.values_list("source_key", flat=True))
    assert len(keys) == 1
    assert storage_path(keys.pop()).is_file()


def take_back(client, address):
    """Delete, and fail before the commit."""
    with transaction.atomic():
        assert client.delete(address).status_code == 204
        transaction.set_rollback(True)


def test_files_stay_when_a_deletion_is_taken_back(mia, project, data):
    send(mia, project, data / "broken" / "boxes.tiff")
    run_import(project)
    slide = Slide.objects.get()
    take_back(mia, f"{API}/slides/{slide.pk}")
    assert storage_path(slide.source_key).is_file()


def test_an_upload_keeps_its_bytes_when_its_deletion_is_taken_back(mia, project, data):
    from server.slides.models import Upload
    from tests.server.slides.conftest import append, begin

    address = begin(mia, project, 10)["Location"]
    append(mia, address, b"12345")
    path = storage_path(Upload.objects.get().storage_key)
    take_back(mia, address)
    assert path.read_bytes() == b"12345"
    assert mia.delete(address).status_code == 204
    assert not path.exists()
