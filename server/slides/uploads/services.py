"""Uploads by the tus resumable upload protocol 1.0.0: creation, bytes, completion.

The received bytes are counted by the length of the file, so no byte is counted that is not there.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ml.messages import Message
from server.accounts.models import User
from server.audit.services import record
from server.core.errors import ConflictError, ContentError, TooLargeError
from server.core.files import storage
from server.core.files.leftovers import used_by_rows
from server.core.names import check_relative_path
from server.core.services import nothing_written, prepared_by, service
from server.jobs.models import Job
from server.projects.models import Project
from server.slides.errors import NothingToImportError, UploadUnfinishedError
from server.slides.imports.intake import FoundSlide, Ignored, single_file, sort_files
from server.slides.models import Slide, Upload
from server.slides.policies import slide_policy
from server.slides.services import register_slide

FOLDER: Final = "uploads"
_BLOCK: Final = 2**20
_LONGEST_CASE: Final = 100


class OffsetMismatchError(ConflictError):
    """The bytes do not continue at the end of the file."""

    code = "offset_mismatch"


class UploadBusyError(ConflictError):
    """Another request is writing to the same upload."""

    code = "upload_busy"


@service
def begin_upload(*, actor: User, project: Project, length: int, metadata: dict[str, str]) -> Upload:
    """Create an upload of ``length`` bytes; raises ContentError or TooLargeError."""
    slide_policy.require(actor, project, "add")
    if length <= 0:
        message = Message("empty_file")
        raise ContentError(message)
    if length > settings.UPLOAD_MAX_BYTES:
        message = Message(
            "slide_over_gib",
            most=f"{settings.UPLOAD_MAX_BYTES / 2**30:.0f}",
        )
        raise TooLargeError(message)
    filename = check_relative_path(metadata.get("filename", "")).rpartition("/")[2]
    relative = metadata.get("relative_path", "")
    upload = Upload(
        project=project,
        user=actor,
        filename=filename[:255],
        relative_path=check_relative_path(relative) if relative else "",
        folder=metadata.get("folder", "")[:64],
        case=_case_name(metadata.get("case", "")),
        length=length,
    )
    upload.storage_key = f"{FOLDER}/{upload.pk}"
    path = storage.storage_path(upload.storage_key)
    storage.make_folder(path.parent)
    path.touch()
    storage.flush(path)
    storage.flush(path.parent)
    upload.save()
    record(
        actor=actor,
        action="upload.begin",
        subject=upload,
        project=project,
        details={"filename": filename, "length": length},
    )
    return upload


def _case_name(text: str) -> str:
    name = text.strip()
    if len(name) > _LONGEST_CASE:
        message = Message("text_length", field="case", most=_LONGEST_CASE)
        raise ContentError(message, code="too_long", field="case")
    return name


def offset_of(upload: Upload) -> int:
    """Return the number of received bytes."""
    if upload.finished_at:
        return upload.length
    path = storage.storage_path(upload.storage_key)
    return path.stat().st_size if path.exists() else 0


def append_bytes(upload: Upload, offset: int, stream: Any, announced: int = 0) -> int:
    """Append the bytes of a request; return the new offset.

    ``announced`` is what the request says of its own length, so that one that is too long is refused
    before it writes. Raises OffsetMismatchError, UploadBusyError, or TooLargeError for more bytes than
    the upload has. What arrived before an error stays, so that the client can go on from there.
    """
    if upload.finished_at:
        if offset == upload.length:
            return offset
        message = Message("upload_complete")
        raise OffsetMismatchError(message)
    with _locked_file(storage.storage_path(upload.storage_key)) as file:
        at = file.seek(0, os.SEEK_END)
        if at != offset:
            message = Message("offset_mismatch", expected=at, offset=offset)
            raise OffsetMismatchError(message)
        if at + announced > upload.length:
            raise _too_much(upload)
        try:
            while block := stream.read(_BLOCK):
                if at + len(block) > upload.length:
                    raise _too_much(upload)
                file.write(block)
                at += len(block)
        finally:
            # What arrived before the sender left is kept too, and an offset names bytes on the disk only.
            file.flush()
            os.fsync(file.fileno())
        return at


def _too_much(upload: Upload) -> TooLargeError:
    message = Message("more_than_announced", length=upload.length)
    return TooLargeError(message)


@contextmanager
def _locked_file(path: Path) -> Iterator[BinaryIO]:
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = Message("upload_busy")
            raise UploadBusyError(message) from error
        yield file


@service
def finish_upload(*, actor: User, upload: Upload) -> Slide | None:
    """Complete an upload; a single file starts its import at once, a folder waits."""
    slide_policy.require(actor, upload.project, "add")
    locked = (
        Upload.objects.select_for_update(of=("self",)).select_related("project", "slide").get(pk=upload.pk)
    )
    if locked.finished_at:
        nothing_written()
        return locked.slide
    if offset_of(locked) != locked.length:
        message = Message("file_not_whole")
        raise UploadUnfinishedError(message)
    locked.finished_at = timezone.now()
    record(actor=actor, action="upload.finish", subject=locked, project=locked.project)
    if not locked.folder:
        single = single_file(locked.filename)
        locked.slide = register_slide(
            actor=actor,
            project=locked.project,
            intake=single,
            keys={single.main: locked.storage_key},
            case=locked.case,
        )
    locked.save(update_fields=["finished_at", "slide"])
    return locked.slide


def _files_of(uploads: Iterable[Upload]) -> dict[str, Path]:
    """Return the files of uploads without a slide, by the name of the upload."""
    waiting = (upload for upload in uploads if upload.slide_id is None)
    paths = {str(upload): storage.storage_path(upload.storage_key) for upload in waiting}
    return {name: path for name, path in paths.items() if path.exists()}


def _sorted_before(*, actor: User, project: Project, folder: str, **_: Any) -> dict[str, Any]:
    """Return the files of a folder grouped into slides and the rest, by their headers."""
    slide_policy.require(actor, project, "add")
    uploads = list(Upload.objects.filter(user=actor, project=project, folder=folder)) if folder else []
    is_whole = all(upload.finished_at for upload in uploads)
    if not uploads or not is_whole:
        return {}
    files = _files_of(uploads)
    return {"sorting": sort_files(files), "sorted_names": files.keys()}


@prepared_by(_sorted_before)
@service
def finish_folder(
    *,
    actor: User,
    project: Project,
    folder: str,
    sorting: tuple[list[FoundSlide], list[Ignored]] = ([], []),
    sorted_names: Collection[str] = (),
) -> tuple[list[Slide], list[Ignored]]:
    """Group the files of one folder drop into slides and start their imports.

    ``sorting`` are the slides and the ignored files among those of ``sorted_names``.
    """
    slide_policy.require(actor, project, "add")
    uploads = list(
        Upload.objects.select_for_update(of=("self",)).filter(user=actor, project=project, folder=folder)
    )
    waiting = [upload for upload in uploads if upload.slide_id is None]
    if not folder or not uploads:
        message = Message("folder_not_uploaded")
        raise NothingToImportError(message)
    by_name = {str(upload): upload for upload in waiting}
    intakes, ignored = sorting
    is_sorted = _files_of(waiting).keys() <= set(sorted_names)
    if not is_sorted or any(upload.finished_at is None for upload in waiting):
        message = Message("folder_on_its_way")
        raise UploadUnfinishedError(message)
    ignored = [item for item in ignored if item.name in by_name]
    intakes = [item for item in intakes if by_name.keys() >= set(item.files.values())]
    slides = []
    for item in intakes:
        members = [by_name[name] for name in item.files.values()]
        keys = {target: by_name[name].storage_key for target, name in item.files.items()}
        case = next((member.case for member in members if member.case), "")
        slide = register_slide(actor=actor, project=project, intake=item, keys=keys, case=case)
        for member in members:
            member.slide = slide
            member.save(update_fields=["slide"])
        slides.append(slide)
    for left in ignored:
        upload = by_name[left.name]
        _delete(upload)
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
    """Delete an upload on request; one that became a slide keeps its bytes."""
    slide_policy.require(actor, upload.project, "add")
    record(actor=actor, action="upload.abandon", subject=upload, project=upload.project)
    _delete(upload)


def drop_expired_uploads(now: datetime) -> None:
    """Delete abandoned uploads."""
    limit = now - timedelta(seconds=settings.UPLOAD_EXPIRY_SECONDS)
    stale = Upload.objects.filter(slide__isnull=True, created_at__lt=limit)
    for pk in stale.values_list("pk", flat=True):
        with transaction.atomic():
            upload = stale.select_for_update().filter(pk=pk).first()
            path = None if upload is None else storage.storage_path(upload.storage_key)
            is_growing = path is not None and path.exists() and path.stat().st_mtime > limit.timestamp()
            if upload is not None and not is_growing:
                _delete(upload)


def uploads_in_use(names: Collection[str]) -> set[str]:
    """Return the files of uploads without a slide, or of unfinished imports."""
    used = used_by_rows(FOLDER, Upload, "storage_key", slide__isnull=True)
    unfinished = Slide.objects.exclude(state=Slide.State.READY).values("import_job_id")
    files = Job.objects.filter(pk__in=unfinished).values_list("input__files", flat=True)
    return {*used(names), *(key.rpartition("/")[2] for each in files for key in each.values())}


def _delete(upload: Upload) -> None:
    """Delete an upload, and its bytes on commit; one that became a slide keeps them."""
    key = upload.storage_key
    if upload.slide_id is None:
        transaction.on_commit(lambda: storage.delete(key))
    upload.delete()
