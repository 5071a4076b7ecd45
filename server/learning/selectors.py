"""Queries of rounds and snapshots."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from server.accounts.models import User
from server.core.errors import NotVisibleError
from server.learning.models import Atlas, Explanation, Round, Snapshot, SplitUnit
from server.objects.models import ObjectSet
from server.projects.models import Project
from server.projects.selectors import projects_visible_to
from server.slides.models import Slide


def rounds_visible_to(actor: User) -> QuerySet[Round]:
    """Return the rounds of all projects that the actor sees, newest first."""
    return Round.objects.filter(project__in=projects_visible_to(actor)).select_related(
        "project",
        "snapshot__created_by",
        "job__created_by",
        "job__project",
        "model_version__created_by",
        "model_version__parent",
        "created_by",
    )


def get_round_for(actor: User, round_id: UUID) -> Round:
    """Return one round; raises NotVisibleError."""
    learning_round = rounds_visible_to(actor).filter(pk=round_id).first()
    if learning_round is None:
        raise NotVisibleError
    return learning_round


def snapshots_visible_to(actor: User) -> QuerySet[Snapshot]:
    """Return the snapshots of all projects that the actor sees, newest first."""
    return Snapshot.objects.filter(project__in=projects_visible_to(actor)).select_related(
        "project", "created_by"
    )


def get_snapshot_for(actor: User, snapshot_id: UUID) -> Snapshot:
    """Return one snapshot; raises NotVisibleError."""
    snapshot = snapshots_visible_to(actor).filter(pk=snapshot_id).first()
    if snapshot is None:
        raise NotVisibleError
    return snapshot


def get_explanation(object_set: ObjectSet, index: int) -> Explanation:
    """Return the explanation of a suggestion in a visible set; raises NotVisibleError without one."""
    explanation = _explanations().filter(object_set=object_set, index=index).first()
    if explanation is None:
        raise NotVisibleError
    return explanation


def get_explanation_for(actor: User, explanation_id: UUID) -> Explanation:
    """Return one explanation; raises NotVisibleError."""
    explanations = _explanations().filter(
        pk=explanation_id, object_set__slide__project__in=projects_visible_to(actor)
    )
    explanation = explanations.first()
    if explanation is None:
        raise NotVisibleError
    return explanation


def slides_of_explanation(explanation: Explanation, slide_ids: Iterable[str]) -> QuerySet[Slide]:
    """Return those of the slides that are in the explanation's project."""
    project = explanation.object_set.slide.project_id
    return Slide.objects.filter(project_id=project, pk__in=list(slide_ids))


def _explanations() -> QuerySet[Explanation]:
    return Explanation.objects.select_related("job__created_by", "job__project", "object_set__slide")


def stored_parts(project_id: UUID, split_by: str) -> dict[str, str]:
    """Return the part of each unit of a project that earlier snapshots assigned."""
    rows = SplitUnit.objects.filter(project_id=project_id, split_by=split_by)
    return dict(rows.values_list("unit", "part"))


def find_atlas(atlas_id: UUID | str) -> Atlas | None:
    """Return an atlas with its project, for its job; None when it was deleted."""
    return Atlas.objects.select_related("project").filter(pk=atlas_id).first()


def get_round(round_id: UUID | str) -> Round:
    """Return a round with its project and snapshot, for its job."""
    return Round.objects.select_related("project", "snapshot").get(pk=round_id)


def get_snapshot_by_digest(project: Project, digest: str) -> Snapshot:
    """Return the snapshot of a project with this content, for a job."""
    return Snapshot.objects.get(project=project, digest=digest)
