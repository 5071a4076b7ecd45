"""Job that reads an object file into an object set, or into annotations where it holds few shapes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from django.db import transaction

from ml.messages import Message
from ml.objectset import FlatObjects, Manifest, ObjectSetWriter
from server.core.errors import DomainError, TooLargeError
from server.core.files import storage
from server.core.files.leftovers import release
from server.exchange.errors import BadObjectFileError, NotReviewedError
from server.exchange.formats.files import kind_of
from server.exchange.formats.kinds import TABLES
from server.exchange.imports.options import ImportOptions, Outside
from server.exchange.imports.report import ImportReport
from server.exchange.imports.services import import_shapes, name_of
from server.exchange.object_files.batches import Batch
from server.exchange.object_files.labels import PREVIEWED_ROWS, ClassChoices, SetLabels
from server.exchange.object_files.report import ObjectFileReport
from server.exchange.object_files.services import FILE, ObjectFileInput, source_of
from server.exchange.reading import has_few_rows, read_object_batches
from server.jobs.models import Job
from server.jobs.runner import JobRun
from server.jobs.scratch import drop_scratch
from server.objects.models import ObjectSet
from server.objects.selectors import sets_produced_by
from server.objects.services import begin_object_set, discard_object_set, finish_object_set
from server.objects.storage import flush_object_files, object_set_key
from server.slides.models import Slide
from server.slides.selectors import find_slide

MOST_OBJECTS: Final = 50_000_000


def import_objects(run: JobRun) -> dict[str, Any]:
    """Import a stored file as an object set, or as annotations where it holds few shapes.

    A refused file leaves nothing behind but the job and its log. Otherwise the file goes as what jobs keep
    does: at a good end and when it is cancelled at once, after a failure that we did not foresee in a day.
    """
    job_input = ObjectFileInput.from_json(run.input)
    slide = find_slide(job_input.slide)
    if slide is None:
        return {"outcome": "deleted"}
    path = run.scratch / FILE
    if not path.exists():
        message = Message("object_file_gone")
        raise BadObjectFileError(message)
    try:
        if job_input.become == "auto" and _are_few(slide, path, job_input.filename):
            with suppress(NotReviewedError):
                return _as_annotations(run, slide, path, job_input)
        return _as_objects(run, slide, path, job_input)
    except DomainError as error:
        for line in error.extra.get("report", []):
            run.log(line, level="error")
        drop_scratch(run.job)
        raise


def _are_few(slide: Slide, path: Path, name: str) -> bool:
    """Return whether a file holds no more shapes than become annotations; tables are always sets."""
    if kind_of(path, name) in TABLES:
        return False
    return has_few_rows(path, name, slide=name_of(slide))


def _as_annotations(run: JobRun, slide: Slide, path: Path, job_input: ObjectFileInput) -> dict[str, Any]:
    result = import_shapes(
        actor=run.actor,
        slide=slide,
        content=path.read_bytes(),
        filename=job_input.filename,
        options=job_input.options,
    )
    return {
        "outcome": "annotations",
        "count": result.created,
        "skipped": len(result.skipped),
        "report": result.to_json(),
    }


def _as_objects(run: JobRun, slide: Slide, path: Path, job_input: ObjectFileInput) -> dict[str, Any]:
    object_set = _begin(run, slide, job_input)
    if object_set.state == ObjectSet.State.READY:
        return _outcome(object_set, ImportReport(created=object_set.count))
    key = object_set_key(object_set.pk, run.job.attempt)
    folder = storage.storage_path(key)
    storage.make_folder(folder.parent)
    try:
        choices = ClassChoices(run.actor, slide.project, job_input.options)
        labels = SetLabels(choices)
        batches = read_for_slide(slide, path, job_input.filename, job_input.options, choices)
        manifest, report = _write(run, batches, folder, slide, labels, is_strict=job_input.options.strict)
        run.check_cancelled()
        flush_object_files(key)
        finished = _finish(run, object_set, key, manifest, labels)
    except BaseException:
        release(key)
        raise
    run.update(what="objects", slide_id=str(slide.pk), object_set_id=str(object_set.pk))
    report.late_classes = labels.late_classes([row["count"] for row in manifest.per_label])
    report.log(run)
    result = report.to_import_report(finished.count)
    result.labels_created = labels.created
    return _outcome(finished, result)


def end_object_import(job: Job, _cause: BaseException | None) -> None:
    """Remove the unfinished set of an import that failed or was cancelled."""
    for object_set in sets_produced_by(job.pk):
        discard_object_set(actor=job.created_by, object_set=object_set)


def _begin(run: JobRun, slide: Slide, job_input: ObjectFileInput) -> ObjectSet:
    """Return the set of this job: that of an earlier attempt whose worker died, or a new one."""
    begun = sets_produced_by(run.job.pk).filter(slide=slide).first()
    if begun is not None:
        return begun
    return begin_object_set(
        actor=run.actor,
        slide=slide,
        name=job_input.filename,
        source=source_of(job_input.become),
        labels=[],
        producer_id=run.job.pk,
        producer_name=job_input.filename,
    )


def read_for_slide(
    slide: Slide, path: Path, name: str, options: ImportOptions, choices: ClassChoices
) -> Iterator[Batch]:
    """Yield the batches of an object file for a slide, with the user's options."""
    return read_object_batches(
        path,
        name,
        (slide.width, slide.height),
        is_cut=options.outside == Outside.CUT,
        scale=options.scale,
        slide=name_of(slide),
        left_out=choices.left_out,
    )


def _write(
    run: JobRun, batches: Iterator[Batch], folder: Path, slide: Slide, labels: SetLabels, *, is_strict: bool
) -> tuple[Manifest, ObjectFileReport]:
    """Write the files of a set; raises BadObjectFileError without a valid row, or for a bad one if strict.

    Raises ClassQuestionError for classes of the rows of a preview that differ in letter case only.
    """
    report, done, kept = ObjectFileReport(), 0, 0
    with ObjectSetWriter(folder, (), slide.width, slide.height, may_lack_scores=True) as writer:
        for batch in batches:
            report.add(batch)
            if done < PREVIEWED_ROWS:
                labels.refuse_questions(batch)
            done += batch.rows
            if done > MOST_OBJECTS:
                message = Message("too_many_objects", most=MOST_OBJECTS)
                raise TooLargeError(message)
            if batch.flat is not None and not (is_strict and report.bad.count):
                writer.append(_labelled(batch.flat, labels.places(batch, writer)))
                kept += len(batch.flat)
            run.report(0.0, Message("objects_read", done=done))
        if is_strict or not kept:
            report.refuse()
        if not done:
            message = Message("no_objects_in_file")
            raise BadObjectFileError(message)
        run.report(0.9, Message("sorting"))
        return writer.close(), report


def _labelled(flat: FlatObjects, places: Any) -> FlatObjects:
    return FlatObjects(
        flat.coordinates,
        flat.rings,
        places[flat.label],
        flat.score,
        flat.uncertainty,
        flat.polygons,
        flat.objects,
    )


def _finish(run: JobRun, object_set: ObjectSet, key: str, manifest: Manifest, labels: SetLabels) -> ObjectSet:
    """Make a set ready, and its new labels with it."""
    with transaction.atomic():
        labels.create(run.actor, object_set.slide.project)
        summary = {
            "levels": manifest.levels,
            "tile0": manifest.tile0,
            "shape": manifest.shape,
            "digest": manifest.digest,
            "per_label": [
                {**row, "label_id": label["label_id"]}
                for row, label in zip(manifest.per_label, labels.rows, strict=True)
            ],
        }
        return finish_object_set(
            actor=run.actor,
            object_set=object_set,
            key=key,
            count=manifest.count,
            summary=summary,
            labels=labels.rows,
        )


def _outcome(object_set: ObjectSet, report: ImportReport) -> dict[str, Any]:
    return {
        "outcome": "objects",
        "object_set_id": str(object_set.pk),
        "count": object_set.count,
        "skipped": report.skipped_count,
        "mended": report.mended,
        "cut": report.cut,
        "report": report.to_json(),
    }
