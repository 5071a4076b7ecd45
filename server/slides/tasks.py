"""Background work of slides."""

from __future__ import annotations

from typing import Any

from server.core.tasks import task
from server.jobs.runner import JobRun
from server.slides.imports.steps import end_import, import_files
from server.slides.quality.services import map_slide
from server.slides.registration.services import find_registration


@task(kind="import_slide", queue="io", ended=end_import)
def import_slide(run: JobRun) -> dict[str, Any]:
    """Identify, hash, examine and store the files of one slide."""
    return import_files(run)


@task(kind="register_slides", queue="cpu")
def register_slides(run: JobRun) -> dict[str, Any]:
    """Register one slide's tissue with another's."""
    return find_registration(run)


@task(kind="map_quality", queue="cpu", attempts=3)
def map_quality(run: JobRun) -> dict[str, Any]:
    """Map the artefacts of one slide."""
    return map_slide(run)
