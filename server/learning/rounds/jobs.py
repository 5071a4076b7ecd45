"""Execution of a round, from the snapshot to the model version; and comparison of two versions.

A round that dies begins again with what its recipe left in the round's own scratch folder.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

from ml.contracts import Context, DataError, Dataset, Evaluation, Recipe, Settings
from ml.evaluation.card import card_lines, format_estimate
from ml.messages import Message
from ml.methods.loading import load_model, load_recipe_class
from ml.storage.model_folder import read_model
from server.core.files import storage
from server.core.files.leftovers import release
from server.jobs.runner import JobRun
from server.learning.errors import SnapshotDamagedError
from server.learning.models import Round, Snapshot
from server.learning.rounds.measuring import compare_evaluations, measure, metrics_of
from server.learning.selectors import get_round, get_snapshot_by_digest
from server.learning.services import ComparisonInput, MeasuredAgainst, RoundInput, finish_round, take_snapshot
from server.learning.snapshots.files import dataset_of, read_document, slides_of
from server.projects.models import Project
from server.registry.provenance import code_version
from server.registry.selectors import find_current_version, find_version_named, get_version
from server.registry.services import TrainedModel, save_comparison
from server.registry.uploads import PREFIX, find_weights_named
from server.registry.weights import store_weights, weights_path
from server.slides.selectors import slide_path, slides_by_id

LOG_EVERY_SECONDS = 1.0
FITTED, MEASURED, COMPARED = 0.85, 0.9, 0.97


def learn(run: JobRun) -> dict[str, Any]:
    """Run a round to its end; one that ended before stays unchanged."""
    turn = get_round(RoundInput.from_json(run.input).round)
    if turn.model_version_id is not None:
        return _outcome(turn)
    snapshot = turn.snapshot or take_snapshot(actor=run.actor, turn=turn)
    document = read_document(snapshot)
    dataset = load_dataset(document)
    recipe = load_recipe_class(turn.recipe).build(dataset.labels, turn.config)
    run.log(
        Message(
            "round_begins",
            title=recipe.title,
            recipe=recipe.name,
            digest=snapshot.digest[:12],
            seed=turn.seed,
        )
    )
    for row in snapshot.counts["labels"]:
        run.log(
            Message(
                "label_in_parts",
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
        release(trained.storage_key)
        raise
    return _outcome(turn)


def _outcome(turn: Round) -> dict[str, Any]:
    return {"outcome": "trained", "model_version_id": str(turn.model_version_id)}


def compare_stored(run: JobRun) -> dict[str, Any]:
    """Measure two versions on the held-out part of the newer one's snapshot."""
    compared = ComparisonInput.from_json(run.input)
    version, other = get_version(compared.version), get_version(compared.other)
    newer = max(version, other, key=lambda item: item.number)
    snapshot = get_snapshot_by_digest(version.project, newer.snapshot_digest)
    dataset = load_dataset(read_document(snapshot))
    with storage.temporary_folder("compare") as folder:
        mine, theirs = (
            measure(
                load_model(weights_path(item)),
                [label["name"] for label in item.labels],
                dataset,
                make_context(run, newer.seed, folder, start, start + 0.5, project=newer.project),
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
    return {"outcome": "compared", "comparison_id": str(comparison.pk)}


def load_dataset(document: dict[str, Any]) -> Dataset:
    """Return the dataset of a snapshot; raises SnapshotDamagedError when a slide of it is gone."""
    slides = slides_by_id(slides_of(document))

    def file_of(slide_id: str) -> tuple[Path, str]:
        if slide_id not in slides:
            message = Message("snapshot_slide_deleted")
            raise SnapshotDamagedError(message)
        return slide_path(slides[slide_id]), slides[slide_id].name

    return dataset_of(document, file_of)


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
    """Return a function from names in a recipe's settings to a model folder or a file of weights.

    Names stand for versions and uploaded weights alone, never for any other path.
    """

    def find(name: str) -> Path:
        if name.startswith(PREFIX):
            run.log(Message("builds_on_upload", name=name))
            return find_weights_named(project, name)
        version = find_version_named(run.actor, project, name)
        run.log(Message("builds_on", name=version.name, project=version.project.name))
        return weights_path(version)

    return find


def _reporter(run: JobRun, start: float, end: float) -> Callable[[float, Message], None]:
    logged_message: Message | None = None
    logged_at = 0.0

    def report(progress: float, message: Message) -> None:
        nonlocal logged_message, logged_at
        run.report(start + (end - start) * progress, message)
        now = time.monotonic()
        if message != logged_message and now - logged_at > LOG_EVERY_SECONDS:
            logged_message, logged_at = message, now
            run.log(message)

    return report


def _log_metrics(run: JobRun, evaluation: Evaluation) -> None:
    shown = {name: value for name, value in evaluation.metrics.items() if not math.isnan(value.value)}
    words = ", ".join(f"{name} {format_estimate(value)}" for name, value in shown.items())
    run.log(Message("measured", count=evaluation.count, figures=words))


def _measure_against(
    run: JobRun, turn: Round, dataset: Dataset, evaluation: Evaluation, scratch: Path
) -> MeasuredAgainst | None:
    """Return the current version's metrics on the same held-out part; None where impossible."""
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
            Message("not_compared", name=current.name, reason=error.detail),
            level="warning",
        )
        return None
    run.log(
        Message(
            "compared",
            name=current.name,
            count=count,
            recommendation=recommendation,
        )
    )
    return MeasuredAgainst(
        other=current,
        data_digest=_snapshot_of(turn).digest,
        count=count,
        metrics=rows,
        recommendation=recommendation,
    )


def _snapshot_of(turn: Round) -> Snapshot:
    """Return the snapshot of a round, once its job has taken it."""
    if turn.snapshot is None:
        message = f"round {turn.pk} has not taken its snapshot"
        raise RuntimeError(message)
    return turn.snapshot


def _store(
    turn: Round, document: dict[str, Any], recipe: Recipe[Settings], evaluation: Evaluation
) -> TrainedModel:
    labels = {label.name: label for label in turn.project.labels.filter(retired_at__isnull=True)}
    by_name = {entry["name"]: entry for entry in document["labels"]}
    snapshot = _snapshot_of(turn)
    with storage.temporary_folder("model") as folder:
        recipe.save(folder / "model")
        card = card_lines(read_model(folder / "model"), evaluation)
        key, digest = store_weights(folder / "model")
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
        snapshot_digest=snapshot.digest,
        round_id=turn.pk,
        code_version=code_version(),
        storage_key=key,
        weights_digest=digest,
        metrics=metrics_of(evaluation, snapshot.split_by),
        card=card,
    )
