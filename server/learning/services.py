"""Writes of the loop: check and start a round, and enter what it made."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.db.models import Max

from ml.catalogue import RecipeInfo, find_recipe
from ml.contracts import CancelledError, Sentence, Task
from server.accounts.models import User
from server.audit.services import record
from server.core.services import nothing_written, service
from server.inference.services import start_predictions
from server.jobs.models import Job
from server.jobs.services import create_job
from server.learning.diagnoses import plan_diagnoses
from server.learning.errors import NotReadyError, RoundRunningError
from server.learning.models import Explanation, Round, Snapshot, SplitUnit
from server.learning.plan import Plan, plan_round
from server.learning.policies import round_policy
from server.learning.readiness import Readiness, check_readiness, count_labels
from server.learning.snapshots import compose_document, store_document
from server.objects.models import ObjectSet
from server.projects.models import Project
from server.registry.models import ModelVersion
from server.registry.services import TrainedModel, register_model_version, save_comparison
from server.review.choosing import require_numbers

UNFINISHED = (Job.State.QUEUED, Job.State.RUNNING)


@dataclass(frozen=True, slots=True)
class MeasuredAgainst:
    """How a new version did beside the one that was current while it was measured."""

    other: ModelVersion
    data_digest: str
    count: int
    metrics: Sequence[Mapping[str, Any]]
    recommendation: str


def check_round(
    *, actor: User, project: Project, recipe: str, config: Mapping[str, Any] | None = None
) -> Readiness:
    """Say whether a round could start now; writes nothing."""
    round_policy.require(actor, project, "check")
    info = find_recipe(recipe)
    return check_readiness(info, info.complete_config(config or {}), _plan(project, info))


@service
def start_round(
    *,
    actor: User,
    project: Project,
    recipe: str,
    config: Mapping[str, Any] | None = None,
    seed: int = 0,
    predict: bool = True,
) -> Round:
    """Take a snapshot of the labels and start learning from it.

    Raises NotReadyError with the problems when the labels do not suffice, and RoundRunningError
    when the same labels are being learned from with the same settings right now.
    """
    round_policy.require(actor, project, "start")
    info = find_recipe(recipe)
    complete = info.complete_config(config or {})
    Project.objects.select_for_update().get(pk=project.pk)
    plan = _plan(project, info)
    readiness = check_readiness(info, complete, plan)
    _refuse_unless_ready(readiness)
    snapshot = _take_snapshot(actor, project, plan)
    _refuse_same_round(snapshot, recipe, complete, seed)
    turn = Round(
        pk=uuid.uuid4(),
        project=project,
        number=_next_number(project),
        recipe=recipe,
        config=complete,
        seed=seed,
        snapshot=snapshot,
        warnings=[asdict(finding) for finding in readiness.warnings],
        predict=predict,
        created_by=actor,
    )
    turn.job = _create_round_job(actor, turn, info)
    turn.save()
    record(
        actor=actor,
        action="round.start",
        subject=turn,
        project=project,
        details={"recipe": recipe, "snapshot": snapshot.digest, "seed": seed},
    )
    return turn


@service
def finish_round(
    *,
    actor: User,
    turn: Round,
    trained: TrainedModel,
    against: MeasuredAgainst | None,
) -> Round:
    """Enter the model version of a round, its comparison and its predictions, all or nothing.

    Raises CancelledError when somebody cancelled the job meanwhile. A round that was finished
    before (its worker died after that) stays as it is.
    """
    round_policy.require(actor, turn.project, "finish")
    if Job.objects.select_for_update().get(pk=turn.job_id).cancel_requested_at:
        raise CancelledError
    locked = Round.objects.select_for_update().select_related("project").get(pk=turn.pk)
    if locked.model_version_id is not None:
        nothing_written()
        return locked
    version = register_model_version(actor=actor, project=locked.project, trained=trained)
    locked.model_version = version
    locked.save(update_fields=["model_version"])
    record(
        actor=actor,
        action="round.finish",
        subject=locked,
        project=locked.project,
        details={"model_version": version.name},
    )
    if against is not None and against.other.pk != version.pk:
        save_comparison(
            actor=actor,
            version=version,
            other=against.other,
            data_digest=against.data_digest,
            count=against.count,
            metrics=against.metrics,
            recommendation=against.recommendation,
        )
    if locked.predict:
        start_predictions(actor=actor, version=version, quick=find_recipe(locked.recipe).quick)
    return locked


@service
def start_comparison(*, actor: User, version: ModelVersion, other: ModelVersion) -> Job:
    """Start measuring two versions of one task on the same held-out labels."""
    round_policy.require(actor, version.project, "compare")
    _check_comparable(version, other)
    job = create_job(
        actor=actor,
        kind="compare_versions",
        title=f"{version.name} beside {other.name}",
        input={"version": str(version.pk), "other": str(other.pk)},
        project=version.project,
        subject=version,
        queue="cpu" if find_recipe(version.recipe).quick else settings.DEEP_QUEUE,
    )
    record(
        actor=actor,
        action="model_version.start_comparison",
        subject=version,
        project=version.project,
        details={"with": other.name},
    )
    return job


@service
def start_explanation(*, actor: User, object_set: ObjectSet, index: int) -> Explanation:
    """Ask why a version made a suggestion; who asks again gets the same answer, or a new try after a failure.

    Raises NotReadyError for a set that no model version made, NotVisibleError for an unknown number.
    """
    project = object_set.slide.project
    round_policy.require(actor, project, "explain")
    if object_set.source != ObjectSet.Source.MODEL or object_set.producer_id is None:
        message = Sentence(
            "only_suggestions_explained", "Only suggestions of a model version can be explained."
        )
        raise NotReadyError(message, code="cannot_explain")
    require_numbers(object_set, [index])
    explanation = (
        Explanation.objects.select_for_update(of=("self",))
        .select_related("job", "object_set__slide")
        .filter(object_set=object_set, index=index)
        .first()
    )
    if explanation and (explanation.document or explanation.job.state in {*UNFINISHED, Job.State.SUCCEEDED}):
        nothing_written()
        return explanation
    explanation = explanation or Explanation(
        pk=uuid.uuid4(), object_set=object_set, index=index, created_by=actor
    )
    explanation.job = create_job(
        actor=actor,
        kind="explain_suggestion",
        title=f"Why: {object_set.producer_name}, suggestion {index} on {object_set.slide.name}"[:200],
        input={"explanation": str(explanation.pk)},
        project=project,
        subject=object_set.slide,
        queue="cpu",
    )
    explanation.save()
    record(
        actor=actor,
        action="suggestion.explain",
        subject=object_set,
        project=project,
        details={"index": index, "version": object_set.producer_name},
    )
    return explanation


@service
def finish_explanation(
    *, actor: User, explanation: Explanation, document: Mapping[str, Any], key: str
) -> Explanation:
    """Keep what was worked out; what was kept before stays."""
    project = explanation.object_set.slide.project
    round_policy.require(actor, project, "explain")
    locked = Explanation.objects.select_for_update(of=("self",)).get(pk=explanation.pk)
    if locked.document is not None:
        nothing_written()
        return locked
    locked.document, locked.map_key = dict(document), key
    locked.save(update_fields=["document", "map_key"])
    record(
        actor=actor,
        action="suggestion.explained",
        subject=explanation.object_set,
        project=project,
        details={"index": locked.index},
    )
    return locked


def _plan(project: Project, info: RecipeInfo) -> Plan:
    return plan_diagnoses(project) if info.task == Task.SLIDE else plan_round(project)


def _check_comparable(version: ModelVersion, other: ModelVersion) -> None:
    if version.project_id != other.project_id or version.task != other.task:
        message = Sentence("compared_across", "Only versions of the same project and task can be compared.")
        raise NotReadyError(message, code="not_comparable", field="with")
    if version.pk == other.pk:
        message = Sentence("compared_with_itself", "A version cannot be compared with itself.")
        raise NotReadyError(message, code="not_comparable", field="with")


def _refuse_unless_ready(readiness: Readiness) -> None:
    if not readiness.ready:
        message = " ".join(problem.detail for problem in readiness.problems)
        problems = [asdict(problem) for problem in readiness.problems]
        raise NotReadyError(message, problems=problems)


def _take_snapshot(actor: User, project: Project, plan: Plan) -> Snapshot:
    """Store what the round learns from and fix the parts of units that are new."""
    SplitUnit.objects.bulk_create(
        [
            SplitUnit(project=project, split_by=plan.kept_as, unit=unit, part=part)
            for unit, part in plan.parts.items()
        ],
        ignore_conflicts=True,
    )
    key, digest = store_document(compose_document(plan))
    snapshot, _ = Snapshot.objects.get_or_create(
        project=project,
        digest=digest,
        defaults={
            "storage_key": key,
            "counts": count_labels(plan),
            "split_by": plan.split_by,
            "created_by": actor,
        },
    )
    return snapshot


def _refuse_same_round(snapshot: Snapshot, recipe: str, config: Mapping[str, Any], seed: int) -> None:
    running = Round.objects.filter(snapshot=snapshot, recipe=recipe, seed=seed, job__state__in=UNFINISHED)
    for turn in running:
        if turn.config == config:
            message = Sentence(
                "same_round_running",
                "Round {number} learns from the same labels right now; wait for it.",
                number=turn.number,
            )
            raise RoundRunningError(message, round=str(turn.pk))


def _next_number(project: Project) -> int:
    last: int | None = Round.objects.filter(project=project).aggregate(last=Max("number"))["last"]
    return (last or 0) + 1


def _create_round_job(actor: User, turn: Round, info: RecipeInfo) -> Job:
    return create_job(
        actor=actor,
        kind="run_round",
        title=f"Round {turn.number}: {info.title}"[:200],
        input={"round": str(turn.pk)},
        project=turn.project,
        subject=turn,
        queue="cpu" if info.quick else settings.DEEP_QUEUE,
    )
