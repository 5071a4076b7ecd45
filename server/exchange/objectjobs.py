"""Bringing a file of very many objects in as a set: kept, queued, read as a stream, made known or refused."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from ml.contracts import Sentence
from ml.objectset import FlatObjects, Manifest, ObjectSetWriter
from server.accounts.models import User
from server.core import storage
from server.core.errors import DomainError, TooLargeError
from server.core.services import service
from server.exchange.errors import BadObjectFileError, NotReviewedError
from server.exchange.features import stream_features
from server.exchange.geojson import MOST_FEATURES, UnreadRow
from server.exchange.objectfiles import TABLES, TEXTS, Batch, read_features
from server.exchange.objecttables import read_table
from server.exchange.packed import open_text
from server.exchange.services import import_shapes
from server.jobs.models import Job
from server.jobs.runner import JobRun
from server.jobs.scratch import drop_scratch, scratch_folder, scratch_path
from server.jobs.services import create_job
from server.objects.models import ObjectSet
from server.objects.policies import object_set_policy
from server.objects.services import begin_object_set, discard_object_set, finish_object_set
from server.objects.storage import object_set_key
from server.projects.models import Label
from server.slides.models import Slide

KIND: Final = "import_objects"
MOST_BYTES: Final = 8 * 2**30
MOST_OBJECTS: Final = 50_000_000
MOST_CLASSES: Final = 1000
# Of a file with many bad rows so many are named; the rest is counted, by reason.
MOST_NAMED: Final = 1000
# In the folder of the job.
FILE: Final = "file"
PROPOSALS: Final = "proposals"
GREY: Final = "#868e96"


def queue_object_file(
    *, actor: User, slide: Slide, file: IO[bytes], filename: str, become: str, create_labels: bool
) -> Job:
    """Keep a file and queue its reading.

    ``become``: objects, proposals for review, or auto to let the number of shapes decide. Raises
    BadObjectFileError for a kind of file that is not read, TooLargeError for one that is too large.
    """
    object_set_policy.require_may_make(actor, slide.project, _source(become))
    if not filename.lower().endswith((*TEXTS, *TABLES)):
        message = Sentence(
            "object_endings",
            "Objects are read from files that end in {endings}.",
            endings=", ".join((*TEXTS, *TABLES)),
        )
        raise BadObjectFileError(message)
    path = storage.storage_path(f"imports/{uuid.uuid4()}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("wb") as sink:
            shutil.copyfileobj(file, sink, 2**20)
        if path.stat().st_size > MOST_BYTES:
            message = Sentence(
                "file_over_gib", "The file is larger than {most} GiB.", most=MOST_BYTES // 2**30
            )
            raise TooLargeError(message)
        return _queue_reading(
            actor=actor,
            slide=slide,
            path=path,
            asked={"filename": filename[-200:], "become": become, "create_labels": create_labels},
        )
    finally:
        path.unlink(missing_ok=True)


@service
def _queue_reading(*, actor: User, slide: Slide, path: Path, asked: dict[str, Any]) -> Job:
    """Make the job of a file that is here: copying it would have held the database."""
    job = create_job(
        actor=actor,
        kind=KIND,
        title=f"Read {asked['filename']}",
        queue="io",
        input={"slide": str(slide.pk), **asked},
        project=slide.project,
        subject=slide,
    )
    path.rename(scratch_folder(job) / FILE)
    return job


def has_file(job: Job) -> bool:
    """Say whether the file of a job is still here: not when it was refused, or a day after it ended."""
    return (scratch_path(job) / FILE).exists()


def import_objects(run: JobRun) -> dict[str, Any]:
    """Read a kept file into an object set, or into annotations where it holds few shapes.

    A refused file leaves nothing behind but the job and its log. Otherwise the file goes as what jobs keep
    does: at a good end and when it is cancelled at once, after a failure that we did not foresee in a day.
    """
    slide = Slide.objects.select_related("project").filter(pk=run.input["slide"]).first()
    if slide is None:
        return {"outcome": "deleted"}
    path, name = run.scratch / FILE, run.input["filename"]
    if not path.exists():
        message = Sentence("object_file_gone", "The file is no longer here; bring it again.")
        raise BadObjectFileError(message)
    try:
        if run.input["become"] == "auto" and _are_few(path, name):
            with suppress(NotReviewedError):
                return _as_annotations(run, slide, path, name)
        return _as_objects(run, slide, path, name)
    except DomainError as error:
        for line in error.extra.get("report", []):
            run.log(line, level="error")
        drop_scratch(run.job)
        raise


def _are_few(path: Path, name: str) -> bool:
    """Say whether a GeoJSON file holds no more shapes than become annotations; tables are always sets."""
    if not name.lower().endswith(TEXTS):
        return False
    with open_text(path, name) as file:
        return all(number < MOST_FEATURES for number, _ in enumerate(stream_features(file)))


def _as_annotations(run: JobRun, slide: Slide, path: Path, name: str) -> dict[str, Any]:
    with open_text(path, name) as file:
        content = file.read()
    result = import_shapes(
        actor=run.actor,
        slide=slide,
        content=content,
        filename=name,
        create_labels=run.input["create_labels"],
    )
    return {"outcome": "annotations", "count": result.created, "skipped": len(result.skipped)}


def _as_objects(run: JobRun, slide: Slide, path: Path, name: str) -> dict[str, Any]:
    object_set = _begin(run, slide, name)
    if object_set.state == ObjectSet.State.READY:
        return _outcome(object_set)
    key = object_set_key(object_set.pk, run.job.attempt)
    folder = storage.storage_path(key)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        labels = _Labels(slide)
        manifest = _write(run, _batches(path, name, (slide.width, slide.height)), folder, slide, labels)
        run.check_cancelled()
        finished = _finish(run, object_set, key, manifest, labels)
    except BaseException:
        storage.delete(key)
        discard_object_set(actor=run.actor, object_set=object_set)
        raise
    run.update(what="objects", slide_id=str(slide.pk), object_set_id=str(object_set.pk))
    return _outcome(finished)


def _begin(run: JobRun, slide: Slide, name: str) -> ObjectSet:
    """Return the set of this job: one that an attempt began whose worker died, or a new one."""
    begun = ObjectSet.objects.filter(producer_id=run.job.pk, slide=slide).first()
    if begun is not None:
        return begun
    return begin_object_set(
        actor=run.actor,
        slide=slide,
        name=name,
        source=_source(run.input["become"]),
        labels=[],
        producer_id=run.job.pk,
        producer_name=name,
    )


def _source(become: str) -> ObjectSet.Source:
    return ObjectSet.Source.GAZE if become == PROPOSALS else ObjectSet.Source.FILE


def _batches(path: Path, name: str, size: tuple[int, int]) -> Iterator[Batch]:
    return read_features(path, name, size) if name.lower().endswith(TEXTS) else read_table(path, name, size)


@dataclass(slots=True)
class _Report:
    """What is wrong with a file: the first rows one by one, all of them by reason."""

    named: list[UnreadRow] = field(default_factory=list)
    count: int = 0
    # By code: the reason as its first row has it, and how many rows have it.
    reasons: dict[str, tuple[str, int]] = field(default_factory=dict)

    def add(self, rows: list[UnreadRow]) -> None:
        # A row may be bad for more than one reason.
        self.count += len({row.row for row in rows})
        self.named += rows[: MOST_NAMED - len(self.named)]
        for row in rows:
            code = getattr(row.reason, "code", row.reason)
            first, count = self.reasons.get(code, (row.reason, 0))
            self.reasons[code] = first, count + 1

    def refuse(self) -> None:
        """Raise BadObjectFileError when a row is bad."""
        if not self.count:
            return
        first = self.named[0]
        message = Sentence(
            "rows_refused",
            "Nothing of the file was taken. Rows that cannot be kept: {count:,}. Row {row}: {reason}",
            count=self.count,
            row=first.row,
            reason=first.reason,
        )
        raise BadObjectFileError(message, report=list(self._lines()))

    def _lines(self) -> Iterator[Sentence]:
        for row in self.named:
            yield Sentence("row_refused", "Row {row}: {reason}", row=row.row, reason=row.reason)
        if sum(count for _, count in self.reasons.values()) > len(self.named):
            for reason, count in self.reasons.values():
                yield Sentence("rows_in_all", "Rows in all: {count:,}. {reason}", count=count, reason=reason)


class _Labels:
    """The labels of a set as its file tells of them: those of the project by name, others as they are."""

    def __init__(self, slide: Slide) -> None:
        known = Label.objects.filter(project_id=slide.project_id, retired_at__isnull=True)
        self._known = {label.name.lower(): label for label in known}
        self._places: dict[str, int] = {}
        self.rows: list[dict[str, Any]] = []

    def places(self, batch: Batch, writer: ObjectSetWriter) -> Any:
        """Return where each class of a batch stands in the set, int (classes,)."""
        for name in batch.classes:
            if name in self._places:
                continue
            if len(self.rows) >= MOST_CLASSES:
                message = Sentence(
                    "too_many_classes", "The file tells of more than {most:,} classes.", most=MOST_CLASSES
                )
                raise BadObjectFileError(message)
            label = self._known.get(name.lower())
            self._places[name] = writer.add_label(name)
            self.rows.append(
                {
                    "label_id": str(label.pk) if label else None,
                    "name": label.name if label else name,
                    "colour": label.colour if label else batch.colours.get(name, GREY),
                }
            )
        return np.array([self._places[name] for name in batch.classes], dtype=np.uint16)


def _write(run: JobRun, batches: Iterator[Batch], folder: Path, slide: Slide, labels: _Labels) -> Manifest:
    """Write the files of a set; raises BadObjectFileError when a row cannot be kept."""
    report, done = _Report(), 0
    with ObjectSetWriter(folder, (), slide.width, slide.height) as writer:
        for batch in batches:
            report.add(batch.bad)
            done += batch.rows
            if done > MOST_OBJECTS:
                message = Sentence(
                    "too_many_objects", "The file holds more than {most:,} objects.", most=MOST_OBJECTS
                )
                raise TooLargeError(message)
            if batch.flat is not None and not report.count:
                writer.append(_labelled(batch.flat, labels.places(batch, writer)))
            run.report(0.0, Sentence("objects_read", "{done:,} objects read", done=done))
        report.refuse()
        if not done:
            message = Sentence("no_objects_in_file", "The file holds no objects.")
            raise BadObjectFileError(message)
        run.report(0.9, Sentence("sorting", "Sorting"))
        return writer.close()


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


def _finish(run: JobRun, object_set: ObjectSet, key: str, manifest: Manifest, labels: _Labels) -> ObjectSet:
    summary = {
        "levels": manifest.levels,
        "tile0": manifest.tile0,
        "shape": manifest.shape,
        "digest": manifest.digest,
        "per_label": [
            {**row, "label_id": told["label_id"]}
            for row, told in zip(manifest.per_label, labels.rows, strict=True)
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


def _outcome(object_set: ObjectSet) -> dict[str, Any]:
    return {"outcome": "objects", "object_set_id": str(object_set.pk), "count": object_set.count}
