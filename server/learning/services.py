"""Services of rounds: check, start and finish."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.db.models import Max

from ml.catalogue.info import RecipeInfo
from ml.catalogue.registry import find_recipe
from ml.contracts import CancelledError, Settings, Task
from ml.messages import Message, join_messages
from server.accounts.models import User
from server.audit.selectors import count_records, has_records_since
from server.audit.services import record
from server.core.inputs import JobInput
from server.core.services import nothing_written, service
from server.inference.policies import prediction_policy
from server.inference.services import start_predictions
from server.jobs.models import Job
from server.jobs.services import create_job
from server.learning.errors import NotReadyError, RoundRunningError
from server.learning.models import Explanation, Round, Snapshot, SplitUnit
from server.learning.policies import round_policy
from server.learning.rounds.readiness import Readiness, check_readiness, warn_of_marks_off_tissue
from server.learning.selectors import stored_parts
from server.learning.snapshots.diagnoses import summarise_diagnoses
from server.learning.snapshots.files import compose_document, store_document
from server.learning.snapshots.plan import Plan, plan_round
from server.learning.summaries.selectors import read_summary
from server.learning.summaries.summary import Summary, count_labels
from server.objects.models import ObjectSet
from server.projects.models import Project
from server.registry.models import ModelVersion
from server.registry.services import TrainedModel, register_model_version, save_comparison
from server.review.object_selection import require_numbers

UNFINISHED = (Job.State.QUEUED, Job.State.RUNNING)
# The nouns of the audit whose actions change what a round learns from.
LEARNED_FROM: Final = ("annotation", "region", "verdict", "label", "slide", "case")


@dataclass(frozen=True, slots=True)
class RoundInput(JobInput):
    """Id of the round to run."""

    round: str


@dataclass(frozen=True, slots=True)
class ComparisonInput(JobInput):
    """Ids of the two model versions to compare."""

    version: str
    other: str


@dataclass(frozen=True, slots=True)
class ExplanationInput(JobInput):
    """Id of the explanation to compute."""

    explanation: str


@dataclass(frozen=True, slots=True)
class MeasuredAgainst:
    """Comparison of a new version with the current one at its measurement."""

    other: ModelVersion
    data_digest: str
    count: int
    metrics: Sequence[Mapping[str, Any]]
    recommendation: str


def check_round(
    *, actor: User, project: Project, recipe: str, config: Mapping[str, Any] | None = None
) -> Readiness:
    """Return whether a round could start now; writes nothing."""
    round_policy.require(actor, project, "check")
    info = find_recipe(recipe)
    return check_readiness(info, info.complete_config(config or {}), _read_summary(project, info))


def start_round(
    *,
    actor: User,
    project: Project,
    recipe: str,
    config: Mapping[str, Any] | None = None,
    seed: int = 0,
    predict: bool = True,
) -> Round:
    """Start a round; its job takes the snapshot of the labels.

    Raises NotReadyError with the problems when the labels do not suffice, and RoundRunningError
    when a round with the same settings has not taken its snapshot yet, or no label changed since it did.
    """
    round_policy.require(actor, project, "start")
    info = find_recipe(recipe)
    complete = info.complete_config(config or {})
    summary = _read_summary(project, info)
    readiness = check_readiness(info, complete, summary)
    _refuse_unless_ready(readiness)
    turn = Round(
        pk=uuid.uuid4(),
        project=project,
        recipe=recipe,
        config=complete,
        seed=seed,
        warnings=[warning.as_json() for warning in readiness.warnings],
        predict=predict,
        created_by=actor,
    )
    return create_round(actor=actor, turn=turn)


@service
def create_round(*, actor: User, turn: Round) -> Round:
    """Store a round whose labels suffice, and its job, unless the same one is running."""
    round_policy.require(actor, turn.project, "start")
    Project.objects.select_for_update().get(pk=turn.project_id)
    _refuse_same_round(turn)
    turn.number = _next_number(turn.project)
    turn.job = _create_round_job(actor, turn, find_recipe(turn.recipe))
    turn.save(force_insert=True)
    record(
        actor=actor,
        action="round.start",
        subject=turn,
        project=turn.project,
        details={"recipe": turn.recipe, "seed": turn.seed},
    )
    return turn


def take_snapshot(*, actor: User, turn: Round) -> Snapshot:
    """Plan a round and store its training material; called by its job.

    Shapes are read and the file is written outside of a transaction. Raises NotReadyError when the labels
    do not suffice any more.
    """
    info = find_recipe(turn.recipe)
    while True:
        turn.labels_read_at = count_records(turn.project)
        plan = _plan(turn.project, info)
        readiness = check_readiness(info, turn.config, plan.summary)
        _refuse_unless_ready(readiness)
        warnings = [*readiness.warnings, *warn_of_marks_off_tissue(plan)]
        key, digest = store_document(compose_document(plan))
        snapshot = Snapshot(
            project=turn.project,
            digest=digest,
            storage_key=key,
            counts=count_labels(plan.summary),
            split_by=plan.summary.split_by,
            created_by=actor,
        )
        if enter_snapshot(actor=actor, turn=turn, snapshot=snapshot, summary=plan.summary, warnings=warnings):
            return turn.snapshot  # type: ignore[return-value]


@service
def enter_snapshot(
    *, actor: User, turn: Round, snapshot: Snapshot, summary: Summary, warnings: Sequence[Message]
) -> bool:
    """Store the snapshot of a round and fix the parts of new units.

    False, and nothing is written, when another round has given a unit another part meanwhile. A job needs no
    permission to go on: the person who started it may have lost theirs meanwhile.
    """
    Project.objects.select_for_update().get(pk=turn.project_id)
    stored = stored_parts(turn.project_id, summary.kept_as)
    if any(stored.get(unit, part) != part for unit, part in summary.parts.items()):
        nothing_written()
        return False
    SplitUnit.objects.bulk_create(
        SplitUnit(project=turn.project, split_by=summary.kept_as, unit=unit, part=part)
        for unit, part in summary.parts.items()
        if unit not in stored
    )
    known = Snapshot.objects.filter(project=turn.project, digest=snapshot.digest).first()
    if known is None:
        snapshot.save(force_insert=True)
    turn.snapshot = known or snapshot
    turn.warnings = [warning.as_json() for warning in warnings]
    turn.save(update_fields=["snapshot", "warnings", "labels_read_at"])
    record(
        actor=actor,
        action="round.take_snapshot",
        subject=turn,
        project=turn.project,
        details={"snapshot": snapshot.digest},
    )
    return True


@service
def finish_round(
    *,
    actor: User,
    turn: Round,
    trained: TrainedModel,
    against: MeasuredAgainst | None,
) -> Round:
    """Store the model version of a round, its comparison and its predictions, all or nothing.

    Raises CancelledError when somebody cancelled the job meanwhile. A round that was finished
    before (its worker died after that) stays as it is. A job needs no permission to end, but nothing further
    begins in the name of a person who may not begin it themselves.
    """
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
    if locked.predict and prediction_policy.allows(actor, locked.project, "start"):
        start_predictions(actor=actor, version=version, quick=find_recipe(locked.recipe).quick)
    return locked


@service
def start_comparison(*, actor: User, version: ModelVersion, other: ModelVersion) -> Job:
    """Start the comparison of two versions of one task on the same held-out labels."""
    round_policy.require(actor, version.project, "compare")
    _check_comparable(version, other)
    job = create_job(
        actor=actor,
        kind="compare_versions",
        title=Message("job_compare_versions", version=version.name, other=other.name),
        input=ComparisonInput(version=str(version.pk), other=str(other.pk)).to_json(),
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
    """Start the explanation of a suggestion; an existing one is returned, a failed one retried.

    Raises NotReadyError for a set that no model version made, NotVisibleError for an unknown number.
    """
    project = object_set.slide.project
    round_policy.require(actor, project, "explain")
    if object_set.source != ObjectSet.Source.MODEL or object_set.producer_id is None:
        message = Message("only_suggestions_explained")
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
        title=Message(
            "job_explain_suggestion",
            index=index,
            producer=object_set.producer_name,
            slide=object_set.slide.name,
        ),
        input=ExplanationInput(explanation=str(explanation.pk)).to_json(),
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
    """Store an explanation; one stored before stays. A job needs no permission to end."""
    project = explanation.object_set.slide.project
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


def _read_summary(project: Project, info: RecipeInfo[Settings]) -> Summary:
    return summarise_diagnoses(project) if info.task == Task.SLIDE else read_summary(project)


def _plan(project: Project, info: RecipeInfo[Settings]) -> Plan:
    return Plan(summarise_diagnoses(project)) if info.task == Task.SLIDE else plan_round(project)


def _check_comparable(version: ModelVersion, other: ModelVersion) -> None:
    if version.project_id != other.project_id or version.task != other.task:
        message = Message("compared_across")
        raise NotReadyError(message, code="not_comparable", field="with")
    if version.pk == other.pk:
        message = Message("compared_with_itself")
        raise NotReadyError(message, code="not_comparable", field="with")


def _refuse_unless_ready(readiness: Readiness) -> None:
    if not readiness.ready:
        problems = [problem.as_json() for problem in readiness.problems]
        raise NotReadyError(join_messages(readiness.problems), problems=problems)


def _refuse_same_round(new: Round) -> None:
    """Raise RoundRunningError for a round that would learn from the labels that another one learns from."""
    running = Round.objects.filter(
        project=new.project, recipe=new.recipe, seed=new.seed, job__state__in=UNFINISHED
    )
    for turn in running:
        # A round that has not read the labels yet will read the present ones.
        is_changed = turn.snapshot_id is not None and has_records_since(
            new.project, turn.labels_read_at, LEARNED_FROM
        )
        if turn.config == new.config and not is_changed:
            message = Message(
                "same_round_running",
                number=turn.number,
            )
            raise RoundRunningError(message, round=str(turn.pk))


def _next_number(project: Project) -> int:
    last: int | None = Round.objects.filter(project=project).aggregate(last=Max("number"))["last"]
    return (last or 0) + 1


def _create_round_job(actor: User, turn: Round, info: RecipeInfo[Settings]) -> Job:
    return create_job(
        actor=actor,
        kind="run_round",
        title=Message("job_run_round", number=turn.number, title=info.title, recipe=info.name),
        input=RoundInput(round=str(turn.pk)).to_json(),
        project=turn.project,
        subject=turn,
        queue="cpu" if info.quick else settings.DEEP_QUEUE,
    )
