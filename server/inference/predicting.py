"""Prediction of one model version on one slide: growing heat maps, and a sealed object set.

Nothing is shown as a result before the run has ended. A run that dies leaves behind its results of each
block, from where the next attempt resumes, and files of its attempt, which the next one never meets and
clears away.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from shapely.geometry import shape

from ml.contracts import Context, HeatMap, SlideFinding
from ml.data.workers import usual_workers
from ml.messages import Message
from ml.methods.loading import load_model
from ml.objectset import Manifest, ObjectSetWriter
from ml.slides import open_as
from ml.slides.resolution import predict_square
from server.core.files import storage
from server.core.files.leftovers import release
from server.inference.findings import finding_document
from server.inference.models import PredictionRun
from server.inference.selectors import find_prediction
from server.inference.services import PredictionInput, begin_prediction, finish_prediction
from server.jobs.runner import JobRun
from server.objects.models import ObjectSet
from server.objects.services import grow_heat_map
from server.objects.storage import attempt_keys, flush_object_files, object_set_key
from server.registry.weights import weights_path
from server.slides.imports.given_names import given_name
from server.slides.selectors import slide_path

# Often enough to see it arrive, seldom enough not to slow it down.
SHOW_EVERY_SECONDS: Final = 1.5


def feature_root() -> Path:
    """Return the folder of the feature store."""
    return storage.storage_path("features")


def predict_slide(run: JobRun) -> dict[str, Any]:
    """Run a prediction to its end; one that ended before stays unchanged."""
    prediction = find_prediction(PredictionInput.from_json(run.input).prediction)
    if prediction is None:
        return {"outcome": "deleted"}
    if prediction.object_set is not None and prediction.object_set.state == ObjectSet.State.READY:
        return _outcome(prediction.object_set)
    object_set = begin_prediction(actor=run.actor, prediction=prediction)
    key = object_set_key(object_set.pk, run.job.attempt)
    folder = storage.storage_path(key)
    storage.make_folder(folder.parent)
    for left in attempt_keys(object_set.pk):
        storage.delete(left)
    try:
        manifest, finding = _write(run, prediction, object_set, folder)
        run.check_cancelled()
        flush_object_files(key)
        finished = finish_prediction(
            actor=run.actor,
            prediction=prediction,
            job=run.job,
            key=key,
            manifest=manifest,
            finding=None if finding is None else finding_document(finding, object_set.labels),
        )
    except BaseException:
        release(key)
        raise
    run.update(what="objects", slide_id=str(prediction.slide_id), object_set_id=str(object_set.pk))
    return _outcome(finished)


def _write(
    run: JobRun, prediction: PredictionRun, object_set: ObjectSet, folder: Path
) -> tuple[Manifest, SlideFinding | None]:
    version, slide = prediction.model_version, prediction.slide
    run.report(0.0, Message("loading_model"))
    recipe = load_model(weights_path(version))
    region = shape(prediction.region) if prediction.region else None
    names = [label["name"] for label in object_set.labels]
    shown = time.monotonic()
    with (
        storage.temporary_folder("predict") as scratch,
        given_name(slide),
        open_as(slide_path(slide), recipe.channels) as reader,
        ObjectSetWriter(folder, names, slide.width, slide.height) as writer,
    ):
        reader.resolution = object_set.resolution or reader.resolution
        context = Context(
            seed=version.seed,
            scratch=scratch,
            device=settings.COMPUTE_DEVICE,
            features=feature_root(),
            report=run.report,
            clinical=slide.case.clinical,
            workers=int(settings.READ_WORKERS or usual_workers(settings.COMPUTE_DEVICE)),
            blocks=run.scratch,
        )
        maps: tuple[HeatMap, ...] = ()
        finding: SlideFinding | None = None
        for step in predict_square(recipe, reader, context, region):
            if step.objects is not None and len(step.objects):
                writer.append(step.objects)
            maps = step.heat_maps or maps
            finding = step.finding or finding
            run.report(step.progress, Message("looking_at_slide"))
            if step.heat_maps and time.monotonic() - shown > SHOW_EVERY_SECONDS:
                _show(run, prediction, object_set, maps)
                shown = time.monotonic()
        run.check_cancelled()
        _show(run, prediction, object_set, maps)
        return writer.close(), finding


def _show(run: JobRun, prediction: PredictionRun, object_set: ObjectSet, maps: tuple[HeatMap, ...]) -> None:
    """Write the current heat maps and notify the viewers."""
    if not maps:
        return
    with transaction.atomic():
        for grid in maps:
            label = object_set.labels[grid.label] if grid.label is not None else None
            name = f"{grid.kind.title()}: {label['name']}" if label else grid.kind.title()
            label_id = label["label_id"] if label else None
            grow_heat_map(object_set=object_set, name=name, label_id=label_id, grid=grid)
    run.update(what="heat_maps", slide_id=str(prediction.slide_id), object_set_id=str(object_set.pk))


def _outcome(object_set: ObjectSet) -> dict[str, Any]:
    return {"outcome": "predicted", "object_set_id": str(object_set.pk), "count": object_set.count}
