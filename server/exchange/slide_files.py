"""Import of a file on one slide: annotations at once, or an object set by a job."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Final

from ml.messages import Message
from server.accounts.models import User
from server.core.errors import DomainError, TooLargeError
from server.exchange.errors import NotReviewedError, TooManyFeaturesError
from server.exchange.formats.compression import GZIP_MAGIC
from server.exchange.formats.files import kind_of_start
from server.exchange.formats.kinds import START, Kind
from server.exchange.imports.options import ImportOptions
from server.exchange.imports.preview import Preview, preview_shapes
from server.exchange.imports.report import ImportReport
from server.exchange.imports.services import import_shapes
from server.exchange.object_files.preview import preview_objects
from server.exchange.object_files.services import PROPOSALS, queue_object_file
from server.slides.models import Slide

MOST_BYTES: Final = 200 * 2**20
# A GeoJSON file up to this size is read while the person waits; 20,000 outlines are about as much.
READ_AT_ONCE: Final = 16 * 2**20
_WRITTEN_FOR_PEOPLE: Final = frozenset({Kind.XML, Kind.ARCHIVE})


@dataclass(frozen=True)
class SlideFile:
    """A file for a slide. ``become`` is annotations, objects, or auto to let the content decide."""

    actor: User
    slide: Slide
    file: IO[bytes]
    filename: str
    size: int
    become: str
    options: ImportOptions

    @cached_property
    def _start(self) -> bytes:
        self.file.seek(0)
        start = self.file.read(START)
        self.file.seek(0)
        return start

    @property
    def is_read_at_once(self) -> bool:
        """Return whether the file becomes annotations within the request; raises TooLargeError."""
        is_packed = self._start.startswith(GZIP_MAGIC)
        kind = None if is_packed else kind_of_start(self._start, self.filename)
        is_for_people = kind in _WRITTEN_FOR_PEOPLE
        if (self.become == "annotations" or is_for_people) and self.size > MOST_BYTES:
            message = Message(
                "file_over_mib",
                most=MOST_BYTES // 2**20,
            )
            raise TooLargeError(message)
        # What is no known format is refused at once by the reader of annotations.
        is_small = not is_packed and kind in {None, Kind.JSON} and self.size <= READ_AT_ONCE
        return self.become == "annotations" or (self.become == "auto" and (is_for_people or is_small))

    def start_import(self) -> ImportReport:
        """Import the file, or queue the job that does; raises DomainError."""
        become = self.become
        if self.is_read_at_once:
            try:
                return import_shapes(content=self.file.read(), **self._arguments)
            except (TooManyFeaturesError, NotReviewedError) as error:
                become = self._becomes_objects(error)
        self.file.seek(0)
        job = queue_object_file(file=self.file, become=become, **self._arguments)
        return ImportReport(job_id=job.pk)

    def preview(self, path: Path) -> Preview:
        """Return the expected result of the import of the file at ``path``; raises DomainError."""
        become = self.become
        if self.is_read_at_once:
            try:
                return preview_shapes(content=path.read_bytes(), **self._arguments)
            except (TooManyFeaturesError, NotReviewedError) as error:
                become = self._becomes_objects(error)
        return preview_objects(path=path, become=become, **self._arguments)

    def _becomes_objects(self, error: DomainError) -> str:
        """Return the target of a file that annotations refuse, or raise the error again."""
        if self.become == "annotations":
            raise error
        return PROPOSALS if isinstance(error, NotReviewedError) else self.become

    @property
    def _arguments(self) -> dict[str, Any]:
        return {
            "actor": self.actor, "slide": self.slide, "filename": self.filename, "options": self.options,
        }  # fmt: skip
