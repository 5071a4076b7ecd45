"""Queue the import of a file of very many objects."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Self

from ml.messages import Message
from server.accounts.models import User
from server.core.errors import TooLargeError
from server.core.files import storage
from server.core.inputs import JobInput
from server.core.services import service
from server.exchange.errors import BadObjectFileError
from server.exchange.formats.files import kind_of
from server.exchange.imports.options import ImportOptions
from server.exchange.object_files.labels import ClassChoices
from server.jobs.models import Job
from server.jobs.scratch import scratch_folder, scratch_path
from server.jobs.services import create_job
from server.objects.models import ObjectSet
from server.objects.policies import require_may_make_set
from server.slides.models import Slide

KIND: Final = "import_objects"
MOST_BYTES: Final = 8 * 2**30
# In the folder of the job.
FILE: Final = "file"
PROPOSALS: Final = "proposals"


@dataclass(frozen=True, slots=True)
class ObjectFileInput(JobInput):
    """Slide, name and target (objects, proposals or auto) of an object file, and the person's options."""

    slide: str
    filename: str
    become: str
    options: ImportOptions

    def to_json(self) -> dict[str, Any]:
        """Return the values to store, with those of the options among them."""
        return {
            "slide": self.slide,
            "filename": self.filename,
            "become": self.become,
            **self.options.to_json(),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the input stored in the row of a job."""
        options = ImportOptions.from_json(values)
        return cls(values["slide"], values["filename"], values["become"], options)


def queue_object_file(
    *, actor: User, slide: Slide, file: IO[bytes], filename: str, become: str, options: ImportOptions
) -> Job:
    """Store a file and queue its import.

    ``become``: objects, proposals for review, or auto to let the number of shapes decide. The content of the
    file tells its kind. Raises BadObjectFileError for one that is not read, TooLargeError for one that is too
    large, BadMappingError for a class mapped to a label that the project does not have.
    """
    require_may_make_set(actor, slide.project, source_of(become))
    path = storage.storage_path(f"imports/{uuid.uuid4()}")
    try:
        with storage.new_file(path) as sink:
            shutil.copyfileobj(file, sink, 2**20)
        if path.stat().st_size > MOST_BYTES:
            message = Message("file_over_gib", most=MOST_BYTES // 2**30)
            raise TooLargeError(message)
        require_may_queue(actor, slide, path, filename, become)
        # Raises for a mapping to a label of no project, before the person waits for the job.
        ClassChoices(actor, slide.project, options)
        return _queue_reading(
            actor=actor,
            slide=slide,
            path=path,
            job_input=ObjectFileInput(str(slide.pk), filename[-200:], become, options),
        )
    finally:
        path.unlink(missing_ok=True)


def require_may_queue(actor: User, slide: Slide, path: Path, filename: str, become: str) -> None:
    """Raise NotAllowedError or, for an unsupported format, BadObjectFileError."""
    require_may_make_set(actor, slide.project, source_of(become))
    if kind_of(path, filename) is None:
        message = Message(
            "object_kinds",
        )
        raise BadObjectFileError(message)


@service
def _queue_reading(*, actor: User, slide: Slide, path: Path, job_input: ObjectFileInput) -> Job:
    """Create the job of a stored file: copying it here would have held the database."""
    job = create_job(
        actor=actor,
        kind=KIND,
        title=Message("job_import_objects", name=job_input.filename),
        queue="io",
        input=job_input.to_json(),
        project=slide.project,
        subject=slide,
    )
    folder = scratch_folder(job)
    path.rename(folder / FILE)
    storage.flush(folder)
    return job


def has_file(job: Job) -> bool:
    """Return whether the file of a job still exists: not when it was refused, or a day after it ended."""
    return (scratch_path(job) / FILE).exists()


def source_of(become: str) -> ObjectSet.Source:
    """Return the source of a set for the target of a file."""
    return ObjectSet.Source.GAZE if become == PROPOSALS else ObjectSet.Source.FILE
