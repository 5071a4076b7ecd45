"""A full disk is reported as such in whichever part of the server it occurs, and no partial file stays."""

from __future__ import annotations

import errno
import os

import psycopg
import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.db.utils import OperationalError

from ml.contracts import DataError
from ml.messages import Message
from server.core.files import storage
from server.core.files.disk import is_disk_full
from server.projects.models import Project
from server.slides.models import Upload
from tests.server.slides.conftest import append, begin

API = "/api/v1"


def caused(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "is_full"),
    [
        (OSError(errno.ENOSPC, "No space left"), True),
        (OSError(errno.EDQUOT, "Quota exceeded"), True),
        (OperationalError("database or disk is full"), True),
        (caused(OperationalError("could not extend file"), psycopg.errors.DiskFull()), True),
        (DataError(Message("verbatim", text="No room."), code="no_space"), True),
        (caused(RuntimeError("a message could not be sent"), OSError(errno.ENOSPC, "No space left")), True),
        (OSError(errno.EACCES, "Not allowed"), False),
        (OperationalError("database is locked"), False),
        (DataError(Message("verbatim", text="Bad."), code="bad"), False),
    ],
)
def test_errors_of_a_full_disk_are_recognised(error, is_full):
    assert is_disk_full(error) is is_full


def is_no_space(answer):
    body = answer.json()
    return (answer.status_code, body["code"], body["message"]["code"]) == (507, "no_space", "disk_full")


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="the size of a PostgreSQL is not limited so")
def test_a_database_that_cannot_grow_refuses_for_lack_of_room(api, user_factory):
    boss = api(user_factory("boss", administrator=True))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")  # else rows go into pages that earlier tests left free
        cursor.execute("PRAGMA page_count")
        [pages] = cursor.fetchone()
        cursor.execute(f"PRAGMA max_page_count = {pages}")
        try:
            answers = [
                boss.post(f"{API}/projects", {"name": f"{number} {'long ' * 10}"}, format="json")
                for number in range(60)
            ]
        finally:
            cursor.execute("PRAGMA max_page_count = 1073741823")
    refused = [answer for answer in answers if answer.status_code != 201]
    assert refused
    assert [answer.json() for answer in refused if not is_no_space(answer)] == []
    assert Project.objects.count() == len(answers) - len(refused)


@pytest.fixture
def full(monkeypatch):
    """Return a function that makes the disk full from now on."""

    def fill():
        def refuse(_handle):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fsync", refuse)

    return fill


@pytest.mark.django_db
def test_an_upload_refuses_for_lack_of_room_and_goes_on_later(
    api, user_factory, project_factory, full, monkeypatch
):
    project = project_factory(manager="mia")
    mia = api(user_factory("mia"))
    address = begin(mia, project, 10)["Location"]
    with monkeypatch.context():
        full()
        assert is_no_space(append(mia, address, b"12345"))
        assert is_no_space(begin(mia, project, 10))
    monkeypatch.undo()
    assert Upload.objects.count() == 1
    offset = int(mia.head(address)["Upload-Offset"])
    assert append(mia, address, b"1234567890"[offset:], offset).status_code == 204


@pytest.mark.django_db
def test_a_session_that_cannot_be_kept_is_refused_for_lack_of_room(client, user_factory, monkeypatch):
    """The session is saved after the view has answered."""
    user_factory("ann")

    def refuse(*_args, **_options):
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(SessionStore, "save", refuse)
    client.raise_request_exception = False
    body = {"username": "ann", "password": "a long test password"}
    answer = client.post(f"{API}/session", body, content_type="application/json")
    assert is_no_space(answer)


def test_nothing_half_written_has_a_name(home, settings, full):
    full()
    with pytest.raises(OSError, match="No space"):
        storage.write_bytes("snapshots/one.json", b"{}")

    def fill_folder():
        with storage.new_folder("models/one") as folder:
            (folder / "model.json").write_bytes(b"{}")

    with pytest.raises(OSError, match="No space"):
        fill_folder()
    root = settings.STORAGE_ROOT
    assert [path for path in root.rglob("*") if path.is_file()] == []
    assert {path.name for path in root.glob("*/*")} == set()
