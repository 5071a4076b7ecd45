"""Import from stored files to a ready slide. Every step may be repeated after a crash.

The files stay where they arrived until the slide is ready or deleted; files that are stored under the content
hash is linked, not moved, so no moment has the only copy on its way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from ml.messages import Message
from ml.slides.errors import with_names
from ml.slides.files.companions import MIRAX, explain_main_file, mirax_folder_missing
from ml.slides.tiff.interpretation import save_sidecar
from server.core.files import storage
from server.core.files.leftovers import release
from server.slides.errors import (
    ContentGoneError,
    DuplicateSlideError,
    SlideDeletedError,
    SlideFilesMissingError,
    UnreadableSlideError,
)
from server.slides.imports.examine import examine
from server.slides.imports.job_input import ImportInput
from server.slides.imports.manifest import (
    CONTENT_FOLDER,
    MANIFEST_NAME,
    PROFILE_NAME,
    THUMBNAIL_NAME,
    Manifest,
    slide_key,
)
from server.slides.imports.reading import SlideFacts
from server.slides.models import Slide
from server.slides.selectors import find_ready_slide, find_slide
from server.slides.services import (
    drop_arrived,
    drop_duplicate,
    fail_import,
    finish_import,
    resume_import,
)
from server.slides.tiles.overview import OVERVIEW_FOLDER

if TYPE_CHECKING:
    from server.jobs.models import Job
    from server.jobs.runner import JobRun

_BLOCK: Final = 4 * 2**20
_HASHED, _EXAMINED, _STORED = 0.4, 0.9, 0.95


def import_files(run: JobRun) -> dict[str, Any]:
    """Import the slide of a job; returns the outcome. ``end_import`` ends one that fails."""
    slide = find_slide(ImportInput.from_json(run.input).slide_id)
    if slide is None:
        return _deleted(run)
    if slide.state == Slide.State.READY:
        return _outcome(slide)
    try:
        return _import(run, resume_import(actor=run.actor, slide=slide))
    except SlideDeletedError:
        return _deleted(run)


def end_import(job: Job, cause: BaseException | None) -> None:
    """Fail the slide of a cancelled or failed import; its files stay for a retry."""
    code, reason = job.error_code, job.error
    if job.state == job.State.CANCELLED:
        code, reason = "import_cancelled", Message("import_cancelled")
    images = getattr(cause, "images", [])
    fail_import(actor=job.created_by, job=job, code=code, reason=reason, images=images)


def _import(run: JobRun, slide: Slide) -> dict[str, Any]:
    job_input = ImportInput.from_json(run.input)
    files = _locate(slide, job_input.files)
    sha256 = hash_files(
        list(files.values()),
        lambda share: run.report(share * _HASHED, Message("hashing")),
    )
    sha256 = _hash_of_image(sha256, job_input.image)
    original = find_ready_slide(slide.project, sha256)
    if original is None:
        try:
            return _examine_and_store(run, slide, job_input, files, sha256)
        except DuplicateSlideError:
            # Somebody brought the same slide at the same time and was faster.
            original = find_ready_slide(slide.project, sha256)
            if original is None:
                raise
    name = slide.name
    drop_duplicate(actor=run.actor, slide=slide, original=original)
    drop_arrived(run.job)
    detail = Message(
        "duplicate",
        name=name,
        original=original.name,
    )
    run.log(detail)
    return {
        "outcome": "duplicate",
        "slide_id": str(original.pk),
        "name": original.name,
        "detail": str(detail),
    }


def _examine_and_store(
    run: JobRun, slide: Slide, job_input: ImportInput, files: Mapping[str, Path], sha256: str
) -> dict[str, Any]:
    main = job_input.main
    size = sum(path.stat().st_size for path in files.values())
    with storage.temporary_folder("import") as folder:
        _check_companions(job_input.names.get(main, main), files)
        view = folder / CONTENT_FOLDER
        _link_all(files, view)
        run.report(_HASHED, Message("reading_slide"))
        chosen = {} if job_input.image is None else {"image": job_input.image}
        try:
            read = examine(
                view / main,
                folder,
                lambda: run.report(_HASHED, Message("reading_slide")),
                **chosen,
            )
        except UnreadableSlideError as error:
            error.detail = with_names(error.detail, job_input.names)
            raise
        run.report(_EXAMINED, Message("storing_slide"))
        finished = None
        while finished is None:
            _store(sha256, files, main, read[0], folder)
            run.report(_STORED, Message("storing_slide"))
            try:
                finished = finish_import(actor=run.actor, slide=slide, sha256=sha256, size=size, read=read)
            except SlideDeletedError:
                release(slide_key(sha256))
                raise
            except ContentGoneError:
                run.check_cancelled()
    drop_arrived(run.job)
    return _outcome(finished)


def _check_companions(name: str, files: Mapping[str, Path]) -> None:
    """Raise UnreadableSlideError for the main file of a multi-file slide without the others."""
    if len(files) > 1:
        return
    if name.lower().endswith(MIRAX):
        missing: Message | None = mirax_folder_missing(PurePosixPath(name).stem)
    else:
        missing = explain_main_file(name, next(iter(files.values())))
    if missing is not None:
        raise UnreadableSlideError(missing, code=missing.code)


def _store(sha256: str, files: Mapping[str, Path], main: str, facts: SlideFacts, drawn: Path) -> None:
    """Store files, manifest and the inspection's images under the content hash."""
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
        stack=facts.stack,
    )
    with storage.new_folder(slide_key(sha256)) as folder:
        _link_all(files, folder / CONTENT_FOLDER)
        if facts.interpretation is not None:
            save_sidecar(folder / CONTENT_FOLDER / main, facts.interpretation)
        for name in (THUMBNAIL_NAME, *([PROFILE_NAME] if manifest.profile else [])):
            storage.link_or_copy(drawn / name, folder / name)
        storage.link_tree(drawn / OVERVIEW_FOLDER, folder / OVERVIEW_FOLDER)
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


def _hash_of_image(sha256: str, image: int | None) -> str:
    """Return the identity of a chosen image, as another image of the same file is another slide."""
    return sha256 if image is None else hashlib.sha256(f"{sha256} image {image}".encode()).hexdigest()


def _link_all(files: Mapping[str, Path], folder: Path) -> None:
    for name, path in files.items():
        storage.link_or_copy(path, folder / name)


def _locate(slide: Slide, keys: Mapping[str, str]) -> dict[str, Path]:
    """Return the path of each uploaded file; raises SlideFilesMissingError."""
    located = {name: storage.storage_path(key) for name, key in keys.items()}
    if slide.source_key:
        # Earlier versions moved the files of a failed import into a folder of their own.
        aside = storage.storage_path(slide.source_key)
        located |= {name: aside / name for name in keys if (aside / name).exists()}
    if not all(path.exists() for path in located.values()):
        detail = Message("slide_files_gone")
        raise SlideFilesMissingError(detail)
    return located


def _deleted(run: JobRun) -> dict[str, Any]:
    drop_arrived(run.job)
    return {"outcome": "deleted", "detail": "The slide was removed before it was imported."}


def _outcome(slide: Slide) -> dict[str, Any]:
    return {"outcome": "imported", "slide_id": str(slide.pk), "sha256": slide.sha256}
