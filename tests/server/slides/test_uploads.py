"""The tus protocol through the API. An independent client meets real processes in ``tests/e2e``."""

from __future__ import annotations

import fcntl

import pytest
from django.utils import timezone

from server.core.files.leftovers import sweep_storage
from server.core.files.storage import storage_path
from server.slides.models import Slide, Upload
from tests.server.slides.conftest import API, append, begin, metadata, send

pytestmark = pytest.mark.django_db


@pytest.fixture
def begun(mia, project):
    """An upload of ten bytes that has just begun: its address."""
    answer = begin(mia, project, 10, "ten.svs")
    assert answer.status_code == 201
    assert (answer["Tus-Resumable"], answer["Upload-Offset"]) == ("1.0.0", "0")
    return answer["Location"]


def test_the_server_says_what_it_speaks(mia, settings):
    settings.UPLOAD_MAX_BYTES = 12345
    answer = mia.options(f"{API}/uploads")
    assert answer["Tus-Version"] == "1.0.0"
    assert set(answer["Tus-Extension"].split(",")) == {"creation", "termination"}
    assert answer["Tus-Max-Size"] == "12345"


def test_bytes_arrive_piece_by_piece(mia, begun):
    assert append(mia, begun, b"01234")["Upload-Offset"] == "5"
    head = mia.head(begun)
    assert (head["Upload-Offset"], head["Upload-Length"]) == ("5", "10")
    assert head["Cache-Control"] == "no-store"
    assert Slide.objects.count() == 0
    last = append(mia, begun, b"56789", 5)
    assert last["Upload-Offset"] == "10"
    assert last["Coverslip-Slide"] == str(Slide.objects.get().pk)
    assert storage_path(Upload.objects.get().storage_key).read_bytes() == b"0123456789"


def test_a_wrong_offset_is_refused_and_writes_nothing(mia, begun):
    append(mia, begun, b"01234")
    for offset in (0, 4, 6, 10):
        answer = append(mia, begun, b"xxxx", offset)
        assert (answer.status_code, answer.json()["code"]) == (409, "offset_mismatch")
        assert "number 5" in answer.json()["detail"]
    assert mia.head(begun)["Upload-Offset"] == "5"


@pytest.mark.parametrize("offset", ["", "-1", "five", "5.0", "٥", "9" * 16])
def test_an_offset_that_is_no_number_is_refused(mia, begun, offset):
    answer = mia.patch(
        begun,
        b"x",
        content_type="application/offset+octet-stream",
        HTTP_UPLOAD_OFFSET=offset.encode().decode("latin-1"),
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_header")


def test_more_bytes_than_announced_are_refused_before_one_is_written(mia, begun, monkeypatch):
    monkeypatch.setattr("server.slides.uploads.services._BLOCK", 4)
    answer = append(mia, begun, b"0" * 11)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert mia.head(begun)["Upload-Offset"] == "0"
    assert append(mia, begun, b"0123456789").status_code == 204


def test_the_last_request_may_come_again(mia, begun):
    first = append(mia, begun, b"0123456789")
    again = append(mia, begun, b"", 10)
    assert again["Coverslip-Slide"] == first["Coverslip-Slide"]
    assert append(mia, begun, b"more", 4).json()["code"] == "offset_mismatch"
    assert mia.head(begun)["Upload-Offset"] == "10"
    assert Slide.objects.count() == 1


def test_a_finish_that_was_cut_off_is_made_good_by_an_empty_request(mia, begun):
    storage_path(Upload.objects.get().storage_key).write_bytes(b"0123456789")
    assert mia.head(begun)["Upload-Offset"] == "10"
    assert "Coverslip-Slide" in append(mia, begun, b"", 10)


def test_only_the_person_who_began_it_knows_of_an_upload(api, user_factory, project_factory, project, begun):
    project_factory("Other", manager="max")
    for username in ("ann", "rob", "max"):
        other = api(user_factory(username))
        assert other.head(begun).status_code == 404
        assert append(other, begun, b"0123456789").status_code == 404
        assert other.delete(begun).status_code == 404
    assert storage_path(Upload.objects.get().storage_key).read_bytes() == b""


def test_uploads_need_the_permission_to_add_slides(api, user_factory, project_factory, project):
    assert begin(api(user_factory("ann")), project, 10).status_code == 403
    assert begin(api(user_factory("stranger")), project, 10).status_code == 404
    assert begin(api(), project, 10).status_code == 401
    assert Upload.objects.count() == 0


def test_two_requests_at_once_do_not_mix_their_bytes(mia, begun):
    with storage_path(Upload.objects.get().storage_key).open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        answer = append(mia, begun, b"01234")
        assert (answer.status_code, answer.json()["code"]) == (409, "upload_busy")
    assert append(mia, begun, b"01234")["Upload-Offset"] == "5"


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(mia, project, settings):
    settings.UPLOAD_MAX_BYTES = 2 * 2**30
    answer = begin(mia, project, 2 * 2**30 + 1)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert "2 GiB" in answer.json()["detail"]
    assert begin(mia, project, 0).json()["code"] == "empty_file"


@pytest.mark.parametrize(
    "filename", ["", "..", "../../etc/passwd", "/etc/passwd", "a\\b.svs", "a\nb.svs", "x" * 501]
)
def test_names_that_might_leave_their_place_are_refused(mia, project, filename):
    answer = begin(mia, project, 10, filename)
    assert (answer.status_code, answer.json()["code"]) == (422, "unsafe_name")
    answer = begin(mia, project, 10, "fine.svs", relative_path=filename or "a//b", folder="f")
    assert (answer.status_code, answer.json()["code"]) == (422, "unsafe_name")


@pytest.mark.parametrize("field", ["case", "folder"])
def test_metadata_that_no_database_keeps_is_refused(mia, project, field):
    answer = begin(mia, project, 10, **{field: "a\0b"})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_metadata")


@pytest.mark.parametrize(
    "header", ["filename !!!", "filename /w==", "x" * 9000, "", metadata(project="none", filename="a.svs")]
)
def test_metadata_that_cannot_be_read_is_refused(mia, header):
    answer = mia.post(f"{API}/uploads", HTTP_UPLOAD_LENGTH="10", HTTP_UPLOAD_METADATA=header)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_metadata")


def test_another_version_of_the_protocol_or_type_of_body_is_refused(mia, project, begun):
    old = mia.patch(begun, b"01234", content_type="application/offset+octet-stream",
                    HTTP_UPLOAD_OFFSET="0", HTTP_TUS_RESUMABLE="0.2.2")  # fmt: skip
    assert (old.status_code, old["Tus-Version"]) == (412, "1.0.0")
    typed = mia.patch(begun, b"01234", content_type="text/plain", HTTP_UPLOAD_OFFSET="0")
    assert typed.status_code == 415
    assert mia.head(begun)["Upload-Offset"] == "0"


def test_an_upload_is_given_up(mia, begun, django_capture_on_commit_callbacks):
    path = storage_path(Upload.objects.get().storage_key)
    with django_capture_on_commit_callbacks(execute=True):
        assert mia.delete(begun).status_code == 204
    assert not path.exists()
    assert mia.head(begun).status_code == 404
    assert append(mia, begun, b"0").status_code == 404


def test_giving_up_an_upload_that_became_a_slide_keeps_its_bytes(mia, project, run_jobs, data):
    send(mia, project, data / "broken" / "boxes.tiff")
    upload = Upload.objects.get()
    assert mia.delete(f"{API}/uploads/{upload.pk}").status_code == 204
    run_jobs()
    assert Slide.objects.get().state == "ready"


def test_abandoned_uploads_are_deleted_later(mia, project, begun, django_capture_on_commit_callbacks):
    import os

    old = Upload.objects.get()
    path = storage_path(old.storage_key)
    Upload.objects.update(created_at="2020-01-01T00:00:00Z")
    # Bytes have come lately, so it is not alone.
    sweep_storage(timezone.now())
    assert path.exists()
    os.utime(path, (0, 0))
    with django_capture_on_commit_callbacks(execute=True):
        sweep_storage(timezone.now())
    assert not path.exists()
    assert not Upload.objects.filter(pk=old.pk).exists()
