"""From files in the storage to a ready slide. Every step may be run again after a crash.

The files stay where they are until the slide is ready or has failed; what is stored under the content
hash is linked, not moved, so no moment has the only copy on its way.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ml.contracts import CancelledError, Sentence
from server.core import storage
from server.core.errors import DomainError
from server.slides.errors import DuplicateSlideError, SlideDeletedError, SlideFilesMissingError
from server.slides.examine import examine
from server.slides.manifest import (
    CONTENT_FOLDER,
    MANIFEST_NAME,
    PROFILE_NAME,
    THUMBNAIL_NAME,
    Manifest,
    slide_key,
)
from server.slides.models import Slide
from server.slides.overview import OVERVIEW_FOLDER
from server.slides.reading import SlideFacts
from server.slides.selectors import find_ready_slide
from server.slides.services import (
    drop_content,
    drop_duplicate,
    fail_import,
    finish_import,
    resume_import,
)

if TYPE_CHECKING:
    from server.jobs.runner import JobRun

_BLOCK: Final = 4 * 2**20
_HASHED, _EXAMINED, _STORED = 0.4, 0.9, 0.95


def import_files(run: JobRun) -> dict[str, Any]:
    """Import the slide of a job; returns what became of it.

    Raises a DomainError whose sentence is on the failed slide too.
    """
    slide = Slide.objects.filter(pk=run.input["slide_id"]).select_related("project").first()
    if slide is None:
        return _deleted(run)
    if slide.state == Slide.State.READY:
        return _outcome(slide)
    try:
        return _import(run, resume_import(actor=run.actor, slide=slide))
    except SlideDeletedError:
        return _deleted(run)
    except DomainError as error:
        _set_aside(run, slide, error.specific_code, error.detail)
        raise
    except CancelledError:
        # A worker whose job was given to another one must not touch what that one is reading.
        if run.is_mine():
            _set_aside(
                run, slide, "import_cancelled", Sentence("import_cancelled", "The import was cancelled.")
            )
        raise


def _import(run: JobRun, slide: Slide) -> dict[str, Any]:
    files = _locate(slide, run.input["files"])
    size = sum(path.stat().st_size for path in files.values())
    sha256 = hash_files(
        list(files.values()),
        lambda share: run.report(share * _HASHED, Sentence("hashing", "Computing the content hash")),
    )
    original = find_ready_slide(slide.project, sha256)
    if original is None:
        try:
            return _examine_and_store(run, slide, files, sha256, size)
        except DuplicateSlideError:
            # Somebody brought the same slide at the same time and was faster.
            original = find_ready_slide(slide.project, sha256)
            if original is None:
                raise
    name = slide.name
    drop_duplicate(actor=run.actor, slide=slide, original=original)
    _drop(run, slide)
    detail = Sentence(
        "duplicate",
        "“{name}” has the same content as “{original}”, so it was not added again.",
        name=name,
        original=original.name,
    )
    run.log(detail)
    found = {"slide_id": str(original.pk), "name": original.name}
    return {"outcome": "duplicate", **found, "detail": detail}


def _examine_and_store(
    run: JobRun, slide: Slide, files: Mapping[str, Path], sha256: str, size: int
) -> dict[str, Any]:
    main = run.input["main"]
    with tempfile.TemporaryDirectory(prefix="coverslip-import-") as scratch:
        folder = Path(scratch)
        view = folder / CONTENT_FOLDER
        _link_all(files, view)
        run.report(_HASHED, Sentence("reading_slide", "Reading the slide"))
        read = examine(
            view / main, folder, lambda: run.report(_HASHED, Sentence("reading_slide", "Reading the slide"))
        )
        run.report(_EXAMINED, Sentence("storing_slide", "Storing the slide"))
        _store(sha256, files, main, read[0], folder)
    run.report(_STORED, Sentence("storing_slide", "Storing the slide"))
    stored = f"{CONTENT_FOLDER}/{main}"
    try:
        slide = finish_import(actor=run.actor, slide=slide, sha256=sha256, size=size, main=stored, read=read)
    except SlideDeletedError:
        drop_content(sha256)
        raise
    _drop(run, slide)
    return _outcome(slide)


def _store(sha256: str, files: Mapping[str, Path], main: str, facts: SlideFacts, drawn: Path) -> None:
    """Put files, manifest and what the examination drew under the content hash."""
    overview = {int(path.name.partition(".")[0]) for path in (drawn / OVERVIEW_FOLDER).glob("*.jpg")}
    manifest = Manifest(
        sha256=sha256,
        main=f"{CONTENT_FOLDER}/{main}",
        source=facts.source,
        width=facts.width,
        height=facts.height,
        tile_size=facts.tile_size,
        stored_levels=facts.stored_levels,
        profile=(drawn / PROFILE_NAME).exists(),
        overview=max(overview, default=-1),
        channels=facts.channels,
    )
    with storage.new_folder(slide_key(sha256)) as folder:
        _link_all(files, folder / CONTENT_FOLDER)
        shutil.copyfile(drawn / THUMBNAIL_NAME, folder / THUMBNAIL_NAME)
        if manifest.profile:
            shutil.copyfile(drawn / PROFILE_NAME, folder / PROFILE_NAME)
        if overview:
            shutil.copytree(drawn / OVERVIEW_FOLDER, folder / OVERVIEW_FOLDER)
        (folder / MANIFEST_NAME).write_bytes(manifest.dump())


def hash_files(paths: list[Path], report: Callable[[float], None]) -> str:
    """Return the SHA-256 of one file, or of the sorted hashes of several, whatever their names."""
    total = sum(path.stat().st_size for path in paths) or 1
    done = 0
    digests = []
    for path in paths:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                done += len(block)
                report(done / total)
        digests.append(digest.hexdigest())
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name, or a copy where the file system cannot."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _link_all(files: Mapping[str, Path], folder: Path) -> None:
    for name, path in files.items():
        link_or_copy(path, folder / name)


def _quarantine_key(slide: Slide) -> str:
    return f"quarantine/{slide.pk}"


def _locate(slide: Slide, keys: Mapping[str, str]) -> dict[str, Path]:
    """Return where each file lies now: where it arrived, or aside after a failed import."""
    located = {}
    for name, key in keys.items():
        aside = storage.storage_path(f"{_quarantine_key(slide)}/{name}")
        arrived = storage.storage_path(key)
        located[name] = arrived if arrived.exists() else aside
        if not located[name].exists():
            detail = Sentence(
                "slide_files_gone", "The files of this slide are no longer in the storage; bring them again."
            )
            raise SlideFilesMissingError(detail)
    return located


def _set_aside(run: JobRun, slide: Slide, code: str, reason: str) -> None:
    key = _quarantine_key(slide)
    aside = storage.storage_path(key)
    for name, arrived in run.input["files"].items():
        path = storage.storage_path(arrived)
        target = aside / name
        if path.exists() and not target.exists():
            link_or_copy(path, target)
    try:
        fail_import(actor=run.actor, slide=slide, code=code, reason=reason, quarantine_key=key)
    except SlideDeletedError:
        storage.delete(key)
    _drop_arrived(run)


def _drop(run: JobRun, slide: Slide) -> None:
    """Let go of the files as they arrived, and as they lay aside after an attempt that failed."""
    _drop_arrived(run)
    storage.delete(_quarantine_key(slide))


def _drop_arrived(run: JobRun) -> None:
    for key in run.input["files"].values():
        storage.delete(key)


def _deleted(run: JobRun) -> dict[str, Any]:
    _drop_arrived(run)
    storage.delete(f"quarantine/{run.input['slide_id']}")
    return {"outcome": "deleted", "detail": "The slide was removed before it was imported."}


def _outcome(slide: Slide) -> dict[str, Any]:
    return {"outcome": "imported", "slide_id": str(slide.pk), "sha256": slide.sha256}
