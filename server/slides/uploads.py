"""Files on their way in, by the tus resumable upload protocol 1.0.0: creation, bytes, completion.

What has arrived is the length of the file, so no byte is counted that is not there.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO, Final

from django.conf import settings
from django.utils import timezone

from ml.contracts import Sentence
from server.accounts.models import User
from server.audit.services import record
from server.core import storage
from server.core.errors import ConflictError, ContentError, TooLargeError
from server.core.services import nothing_written, service
from server.projects.models import Project
from server.slides.errors import NothingToImportError, UploadUnfinishedError
from server.slides.intake import Ignored, check_relative_path, find_slides, single_file
from server.slides.models import Slide, Upload
from server.slides.policies import slide_policy
from server.slides.services import register_slide

_BLOCK: Final = 2**20


class OffsetMismatchError(ConflictError):
    """The bytes do not continue where the file ends."""

    code = "offset_mismatch"


class UploadBusyError(ConflictError):
    """Another request is writing to the same upload."""

    code = "upload_busy"


@service
def begin_upload(*, actor: User, project: Project, length: int, metadata: dict[str, str]) -> Upload:
    """Make an upload of ``length`` bytes; raises ContentError or TooLargeError with a sentence."""
    slide_policy.require(actor, project, "add")
    if length <= 0:
        message = Sentence("empty_file", "An empty file is no slide.")
        raise ContentError(message, code="empty_file")
    if length > settings.UPLOAD_MAX_BYTES:
        message = Sentence(
            "slide_over_gib",
            "The file is larger than the {most} GiB accepted here.",
            most=f"{settings.UPLOAD_MAX_BYTES / 2**30:.0f}",
        )
        raise TooLargeError(message)
    _drop_expired(actor)
    filename = check_relative_path(metadata.get("filename", "")).rpartition("/")[2]
    relative = metadata.get("relative_path", "")
    upload = Upload(
        project=project,
        user=actor,
        filename=filename[:255],
        relative_path=check_relative_path(relative) if relative else "",
        folder=metadata.get("folder", "")[:64],
        case=metadata.get("case", "").strip()[:100],
        length=length,
    )
    upload.storage_key = f"uploads/{upload.pk}"
    path = storage.storage_path(upload.storage_key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    upload.save()
    record(
        actor=actor,
        action="upload.begin",
        subject=upload,
        project=project,
        details={"filename": filename, "length": length},
    )
    return upload


def offset_of(upload: Upload) -> int:
    """Return how many bytes have arrived."""
    if upload.finished_at:
        return upload.length
    path = storage.storage_path(upload.storage_key)
    return path.stat().st_size if path.exists() else 0


def append_bytes(upload: Upload, offset: int, stream: Any, announced: int = 0) -> int:
    """Write what a request brings behind what is there; return the new offset.

    ``announced`` is what the request says of its own length, so that one that is too long is refused
    before it writes. Raises OffsetMismatchError, UploadBusyError, or TooLargeError for more bytes than
    the upload has. What arrived before an error stays, so that the client can go on from there.
    """
    if upload.finished_at:
        if offset == upload.length:
            return offset
        message = "This upload is complete."
        raise OffsetMismatchError(message)
    with _locked_file(storage.storage_path(upload.storage_key)) as file:
        at = file.seek(0, os.SEEK_END)
        if at != offset:
            message = f"The next byte expected is number {at}, not {offset}."
            raise OffsetMismatchError(message)
        if at + announced > upload.length:
            raise _too_much(upload)
        while block := stream.read(_BLOCK):
            if at + len(block) > upload.length:
                raise _too_much(upload)
            file.write(block)
            at += len(block)
        return at


def _too_much(upload: Upload) -> TooLargeError:
    message = Sentence(
        "more_than_announced", "More bytes came than the {length} that were announced.", length=upload.length
    )
    return TooLargeError(message)


@contextmanager
def _locked_file(path: Path) -> Iterator[BinaryIO]:
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = "Another request is writing to this upload; ask for the offset and go on from there."
            raise UploadBusyError(message) from error
        yield file


@service
def finish_upload(*, actor: User, upload: Upload) -> Slide | None:
    """Note that all bytes are there; a single file begins its import at once, a folder waits."""
    slide_policy.require(actor, upload.project, "add")
    locked = (
        Upload.objects.select_for_update(of=("self",)).select_related("project", "slide").get(pk=upload.pk)
    )
    if locked.finished_at:
        nothing_written()
        return locked.slide
    if offset_of(locked) != locked.length:
        message = Sentence("file_not_whole", "The file has not arrived as a whole.")
        raise UploadUnfinishedError(message)
    locked.finished_at = timezone.now()
    record(actor=actor, action="upload.finish", subject=locked, project=locked.project)
    if not locked.folder:
        found = single_file(locked.filename)
        locked.slide = register_slide(
            actor=actor,
            project=locked.project,
            found=found,
            keys={found.main: locked.storage_key},
            case=locked.case,
        )
    locked.save(update_fields=["finished_at", "slide"])
    return locked.slide


@service
def finish_folder(*, actor: User, project: Project, folder: str) -> tuple[list[Slide], list[Ignored]]:
    """Find the slides among the files of one folder drop and begin their imports."""
    slide_policy.require(actor, project, "add")
    uploads = list(
        Upload.objects.select_for_update(of=("self",)).filter(user=actor, project=project, folder=folder)
    )
    waiting = [upload for upload in uploads if upload.slide_id is None]
    if not folder or not uploads:
        message = Sentence("folder_not_uploaded", "No file of this folder has been uploaded.")
        raise NothingToImportError(message)
    if any(upload.finished_at is None for upload in waiting):
        message = Sentence("folder_on_its_way", "Some files of the folder are still on their way.")
        raise UploadUnfinishedError(message)
    by_name = {str(upload): upload for upload in waiting}
    paths = {name: storage.storage_path(upload.storage_key) for name, upload in by_name.items()}
    found, ignored = find_slides({name: path for name, path in paths.items() if path.exists()})
    slides = []
    for item in found:
        members = [by_name[name] for name in item.files.values()]
        keys = {target: by_name[name].storage_key for target, name in item.files.items()}
        case = next((member.case for member in members if member.case), "")
        slide = register_slide(actor=actor, project=project, found=item, keys=keys, case=case)
        for member in members:
            member.slide = slide
            member.save(update_fields=["slide"])
        slides.append(slide)
    for left in ignored:
        upload = by_name[left.name]
        storage.delete(upload.storage_key)
        upload.delete()
    record(
        actor=actor,
        action="upload.finish_folder",
        subject=project,
        project=project,
        details={"slides": len(slides), "ignored": [item.name for item in ignored]},
    )
    return slides, ignored


@service
def abandon_upload(*, actor: User, upload: Upload) -> None:
    """Throw away an upload that its person gave up; one that became a slide keeps its bytes."""
    slide_policy.require(actor, upload.project, "add")
    record(actor=actor, action="upload.abandon", subject=upload, project=upload.project)
    if upload.slide_id is None:
        storage.delete(upload.storage_key)
    upload.delete()


def _drop_expired(actor: User) -> None:
    """Throw away what this person began and left alone for too long."""
    limit = timezone.now() - timedelta(seconds=settings.UPLOAD_EXPIRY_SECONDS)
    stale = Upload.objects.filter(user=actor, slide__isnull=True, created_at__lt=limit)
    for upload in stale:
        path = storage.storage_path(upload.storage_key)
        if path.exists() and path.stat().st_mtime > limit.timestamp():
            continue
        storage.delete(upload.storage_key)
        upload.delete()
