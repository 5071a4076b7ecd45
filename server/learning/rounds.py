"""A round, from the snapshot to the model version; and two versions side by side.

A round that dies begins again with what its recipe left in the round's own scratch folder.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

from ml.contracts import Context, DataError, Dataset, Evaluation, Recipe, Sentence
from ml.evaluation.card import card_lines, in_words
from ml.recipes import load_model, load_recipe_class
from ml.recipes.model_folder import read_model
from server.core import storage
from server.jobs.runner import JobRun
from server.learning.errors import SnapshotDamagedError
from server.learning.measuring import compare_evaluations, measure, metrics_of
from server.learning.models import Round, Snapshot
from server.learning.services import MeasuredAgainst, finish_round
from server.learning.snapshots import dataset_of, read_document, slides_of
from server.projects.models import Project
from server.registry.models import ModelVersion
from server.registry.provenance import code_version
from server.registry.selectors import find_current_version, find_version_named
from server.registry.services import TrainedModel, save_comparison
from server.registry.uploads import PREFIX, find_weights_named
from server.registry.weights import discard_weights, store_weights, weights_path
from server.slides.models import Slide
from server.slides.selectors import slide_path

LOG_EVERY_SECONDS = 1.0
FITTED, MEASURED, COMPARED = 0.85, 0.9, 0.97


def learn(run: JobRun) -> dict[str, Any]:
    """Run a round to its end; one that ended before is left as it is."""
    turn = Round.objects.select_related("project", "snapshot").get(pk=run.input["round"])
    if turn.model_version_id is not None:
        return {"model_version_id": str(turn.model_version_id)}
    document = read_document(turn.snapshot)
    dataset = load_dataset(document)
    recipe = load_recipe_class(turn.recipe).build(dataset.labels, turn.config)
    run.log(
        Sentence(
            "round_begins",
            "{title} learns from snapshot {digest}, seed {seed}",
            title=recipe.title,
            recipe=recipe.name,
            digest=turn.snapshot.digest[:12],
            seed=turn.seed,
        )
    )
    for row in turn.snapshot.counts["labels"]:
        run.log(
            Sentence(
                "label_in_parts",
                "{name}: {train} for training, {validation} for validation, {test} held out",
                **{word: row[word] for word in ("name", "train", "validation", "test")},
            )
        )
    scratch = run.scratch
    recipe.fit(dataset, make_context(run, turn.seed, scratch, 0.0, FITTED, project=turn.project))
    evaluation = measure(
        recipe,
        dataset.labels,
        dataset,
        make_context(run, turn.seed, scratch, FITTED, MEASURED, project=turn.project),
    )
    _log_metrics(run, evaluation)
    against = _measure_against(run, turn, dataset, evaluation, scratch)
    trained = _store(turn, document, recipe, evaluation)
    try:
        turn = finish_round(actor=run.actor, turn=turn, trained=trained, against=against)
    except BaseException:
        discard_weights(trained.storage_key)
        raise
    return {"model_version_id": str(turn.model_version_id)}


def compare_stored(run: JobRun) -> dict[str, Any]:
    """Measure two versions on the held-out part of the newer one's snapshot."""
    versions = ModelVersion.objects.select_related("project")
    version, other = versions.get(pk=run.input["version"]), versions.get(pk=run.input["other"])
    newer = max(version, other, key=lambda item: item.number)
    snapshot = Snapshot.objects.get(project=version.project, digest=newer.snapshot_digest)
    dataset = load_dataset(read_document(snapshot))
    with tempfile.TemporaryDirectory(prefix="coverslip-compare-") as folder:
        mine, theirs = (
            measure(
                load_model(weights_path(item)),
                [label["name"] for label in item.labels],
                dataset,
                make_context(run, newer.seed, Path(folder), start, start + 0.5, project=newer.project),
            )
            for item, start in ((version, 0.0), (other, 0.5))
        )
    rows, count, recommendation = compare_evaluations(mine, theirs, newer.seed)
    comparison = save_comparison(
        actor=run.actor,
        version=version,
        other=other,
        data_digest=snapshot.digest,
        count=count,
        metrics=rows,
        recommendation=recommendation,
    )
    return {"comparison_id": str(comparison.pk)}


def load_dataset(document: dict[str, Any]) -> Dataset:
    """Return what a snapshot teaches; raises SnapshotDamagedError when a slide of it is gone."""
    found = {str(slide.pk): slide for slide in Slide.objects.filter(pk__in=list(slides_of(document)))}

    def path_of(slide_id: str) -> Path:
        if slide_id not in found:
            message = Sentence(
                "snapshot_slide_deleted", "A slide of this snapshot was deleted; start a new round."
            )
            raise SnapshotDamagedError(message)
        return slide_path(found[slide_id])

    return dataset_of(document, path_of)


def make_context(
    run: JobRun, seed: int, scratch: Path, start: float, end: float, *, project: Project
) -> Context:
    """Return a context whose progress fills the span from ``start`` to ``end`` of the job."""
    return Context(
        seed=seed,
        scratch=scratch,
        device=settings.COMPUTE_DEVICE,
        features=storage.storage_path("features"),
        report=_reporter(run, start, end),
        find_model=_finder(run, project),
    )


def _finder(run: JobRun, project: Project) -> Callable[[str], Path]:
    """Return what turns a name in a recipe's settings into a model's folder or a file of weights.

    Names stand for versions and uploaded weights alone, never for any other path.
    """

    def find(name: str) -> Path:
        if name.startswith(PREFIX):
            run.log(Sentence("builds_on_upload", "Builds on the uploaded {name}", name=name))
            return find_weights_named(run.actor, project, name)
        version = find_version_named(run.actor, project, name)
        run.log(
            Sentence(
                "builds_on", "Builds on {name} of {project}", name=version.name, project=version.project.name
            )
        )
        return weights_path(version)

    return find


def _reporter(run: JobRun, start: float, end: float) -> Callable[[float, str], None]:
    logged_message, logged_at = "", 0.0

    def report(progress: float, message: str) -> None:
        nonlocal logged_message, logged_at
        run.report(start + (end - start) * progress, message)
        now = time.monotonic()
        if message and message != logged_message and now - logged_at > LOG_EVERY_SECONDS:
            logged_message, logged_at = message, now
            run.log(message)

    return report


def _log_metrics(run: JobRun, evaluation: Evaluation) -> None:
    shown = {name: value for name, value in evaluation.metrics.items() if not math.isnan(value.value)}
    words = ", ".join(f"{name} {in_words(value)}" for name, value in shown.items())
    run.log(
        Sentence("measured", "On {count} held-out items: {figures}", count=evaluation.count, figures=words)
    )


def _measure_against(
    run: JobRun, turn: Round, dataset: Dataset, evaluation: Evaluation, scratch: Path
) -> MeasuredAgainst | None:
    """Measure the current version on the same held-out part; None when that cannot be done."""
    current = find_current_version(turn.project, load_recipe_class(turn.recipe).task.value)
    if current is None:
        return None
    context = make_context(run, turn.seed, scratch, MEASURED, COMPARED, project=turn.project)
    names = [label["name"] for label in current.labels]
    try:
        theirs = measure(load_model(weights_path(current)), names, dataset, context)
        rows, count, recommendation = compare_evaluations(evaluation, theirs, turn.seed)
    except DataError as error:
        run.log(
            Sentence(
                "not_compared", "Not compared with {name}: {reason}", name=current.name, reason=error.detail
            ),
            level="warning",
        )
        return None
    run.log(
        Sentence(
            "compared",
            "Compared with {name} on {count} items: {recommendation}",
            name=current.name,
            count=count,
            recommendation=recommendation,
        )
    )
    return MeasuredAgainst(
        other=current,
        data_digest=turn.snapshot.digest,
        count=count,
        metrics=rows,
        recommendation=recommendation,
    )


def _store(turn: Round, document: dict[str, Any], recipe: Recipe, evaluation: Evaluation) -> TrainedModel:
    labels = {label.name: label for label in turn.project.labels.filter(retired_at__isnull=True)}
    by_name = {entry["name"]: entry for entry in document["labels"]}
    with tempfile.TemporaryDirectory(prefix="coverslip-model-") as folder:
        recipe.save(Path(folder) / "model")
        card = card_lines(read_model(Path(folder) / "model"), evaluation)
        key, digest = store_weights(Path(folder) / "model")
    return TrainedModel(
        recipe=turn.recipe,
        task=recipe.task.value,
        labels=[
            {
                "label_id": by_name[name]["id"],
                "name": name,
                "colour": labels[name].colour if name in labels else "#888888",
            }
            for name in by_name
        ],
        config=turn.config,
        seed=turn.seed,
        snapshot_digest=turn.snapshot.digest,
        round_id=turn.pk,
        code_version=code_version(),
        storage_key=key,
        weights_digest=digest,
        metrics=metrics_of(evaluation, turn.snapshot.split_by),
        card=card,
    )
