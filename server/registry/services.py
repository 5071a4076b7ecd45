"""Services of model versions: register, promote, keep, roll back, store a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Max
from django.utils import timezone

from ml.messages import Message
from server.accounts.models import User
from server.audit.services import record
from server.core.files.leftovers import lock_content
from server.core.files.storage import storage_path
from server.core.services import nothing_written, service
from server.projects.models import Project
from server.registry.errors import AlreadyCurrentError, NothingBeforeError, WeightsMissingError
from server.registry.models import Comparison, ModelVersion, Promotion
from server.registry.policies import model_version_policy


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """Result of a training run: its weights, provenance and metrics."""

    recipe: str
    task: str
    labels: Sequence[Mapping[str, str]]
    config: Mapping[str, Any]
    seed: int
    snapshot_digest: str
    round_id: UUID
    code_version: str
    storage_key: str
    weights_digest: str
    metrics: Mapping[str, Any]
    card: Sequence[Message]


@service
def register_model_version(*, actor: User, project: Project, trained: TrainedModel) -> ModelVersion:
    """Store the result of a round; the first version of a task becomes current by itself.

    Later ones are candidates until a person promotes them. A round that registers twice (its
    worker died after the first time) gets the version that it made before. A job needs no permission to end.
    """
    Project.objects.select_for_update().get(pk=project.pk)
    existing = ModelVersion.objects.filter(round_id=trained.round_id).first()
    if existing is not None:
        nothing_written()
        return existing
    lock_content(trained.storage_key)
    if not storage_path(trained.storage_key).is_dir():
        message = Message("trained_weights_gone")
        raise WeightsMissingError(message)
    versions = ModelVersion.objects.filter(project=project)
    current = versions.filter(task=trained.task, state=ModelVersion.State.CURRENT).first()
    version = ModelVersion.objects.create(
        project=project,
        recipe=trained.recipe,
        task=trained.task,
        number=(versions.aggregate(last=Max("number"))["last"] or 0) + 1,
        parent=current,
        labels=list(trained.labels),
        config=dict(trained.config),
        seed=trained.seed,
        snapshot_digest=trained.snapshot_digest,
        round_id=trained.round_id,
        code_version=trained.code_version,
        storage_key=trained.storage_key,
        weights_digest=trained.weights_digest,
        metrics=dict(trained.metrics),
        card="\n".join(map(str, trained.card)) + "\n",
        card_lines=[line.as_json() for line in trained.card],
        created_by=actor,
    )
    record(
        actor=actor,
        action="model_version.register",
        subject=version,
        project=project,
        details={
            "name": version.name,
            "snapshot": version.snapshot_digest,
            "weights": version.weights_digest,
        },
    )
    if current is None:
        _make_current(
            actor=actor,
            version=version,
            kind=Promotion.Kind.PROMOTED,
            reason="The first version of a task becomes current by itself.",
        )
    return version


@service
def promote_model_version(*, actor: User, version: ModelVersion, reason: str = "") -> ModelVersion:
    """Make a candidate or former version the current one of its task."""
    model_version_policy.require(actor, version.project, "promote")
    locked = _lock(version)
    if locked.state == ModelVersion.State.CURRENT:
        message = Message("version_current", name=locked.name)
        raise AlreadyCurrentError(message)
    _make_current(actor=actor, version=locked, kind=Promotion.Kind.PROMOTED, reason=reason)
    return locked


@service
def keep_current_version(*, actor: User, version: ModelVersion, reason: str = "") -> ModelVersion:
    """Reject a candidate: the current version stays, and the decision is recorded."""
    model_version_policy.require(actor, version.project, "keep")
    locked = _lock(version)
    if locked.state == ModelVersion.State.CURRENT:
        message = Message(
            "version_current_no_decision",
            name=locked.name,
        )
        raise AlreadyCurrentError(message)
    locked.kept_at = timezone.now()
    locked.save(update_fields=["kept_at"])
    Promotion.objects.create(
        project=locked.project,
        task=locked.task,
        kind=Promotion.Kind.KEPT,
        model_version=locked,
        reason=reason,
        actor=actor,
    )
    record(
        actor=actor,
        action="model_version.keep_current",
        subject=locked,
        project=locked.project,
        details={"name": locked.name},
        reason=reason,
    )
    return locked


@service
def roll_back_model_version(*, actor: User, project: Project, task: str, reason: str = "") -> ModelVersion:
    """Make the previous version current again; it may be done several times."""
    model_version_policy.require(actor, project, "roll_back")
    Project.objects.select_for_update().get(pk=project.pk)
    before = _versions_in_order_of_promotion(project, task)
    if len(before) < 2:  # noqa: PLR2004 - the current one, and one to go back to
        message = Message(
            "nothing_current_before",
            task=task,
        )
        raise NothingBeforeError(message)
    target = ModelVersion.objects.get(pk=before[-2])
    _make_current(actor=actor, version=target, kind=Promotion.Kind.ROLLED_BACK, reason=reason)
    return target


@service
def save_comparison(
    *,
    actor: User,
    version: ModelVersion,
    other: ModelVersion,
    data_digest: str,
    count: int,
    metrics: Sequence[Mapping[str, Any]],
    recommendation: str,
) -> Comparison:
    """Store the comparison of two versions on the same held-out items; an existing one stays.

    A job needs no permission to end.
    """
    _lock(version)
    comparison, made = Comparison.objects.get_or_create(
        model_version=version,
        other=other,
        data_digest=data_digest,
        defaults={
            "count": count,
            "metrics": list(metrics),
            "recommendation": recommendation,
        },
    )
    if not made:
        nothing_written()
        return comparison
    record(
        actor=actor,
        action="model_version.compare",
        subject=version,
        project=version.project,
        details={"with": other.name, "data": data_digest, "recommendation": recommendation},
    )
    return comparison


def _lock(version: ModelVersion) -> ModelVersion:
    """Lock the project, so that two users cannot change the current version at once."""
    Project.objects.select_for_update().get(pk=version.project_id)
    return ModelVersion.objects.select_for_update().get(pk=version.pk)


def _make_current(*, actor: User, version: ModelVersion, kind: Promotion.Kind, reason: str) -> None:
    current = ModelVersion.objects.filter(
        project=version.project, task=version.task, state=ModelVersion.State.CURRENT
    ).first()
    if current is not None:
        current.state = ModelVersion.State.FORMER
        current.save(update_fields=["state"])
    version.state = ModelVersion.State.CURRENT
    version.promoted_at = timezone.now()
    version.kept_at = None
    version.save(update_fields=["state", "promoted_at", "kept_at"])
    Promotion.objects.create(
        project=version.project,
        task=version.task,
        kind=kind,
        model_version=version,
        replaced=current,
        reason=reason,
        actor=actor,
    )
    verb = "promote" if kind == Promotion.Kind.PROMOTED else "roll_back"
    record(
        actor=actor,
        action=f"model_version.{verb}",
        subject=version,
        project=version.project,
        details={"name": version.name, "replaced": current.name if current else None},
        reason=reason,
    )


def _versions_in_order_of_promotion(project: Project, task: str) -> list[UUID]:
    """Return the stack of current versions: promotions push, roll-backs pop.

    Walking ``replaced`` alone would go in circles once a former version is promoted again.
    """
    stack: list[UUID] = []
    history = Promotion.objects.filter(project=project, task=task).order_by("created_at", "id")
    for promotion in history:
        if promotion.kind == Promotion.Kind.PROMOTED:
            stack.append(promotion.model_version_id)
        elif promotion.kind == Promotion.Kind.ROLLED_BACK and stack:
            stack.pop()
    return stack
