"""Queries of model versions."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from ml.messages import Message
from server.accounts.models import User
from server.core.errors import NotVisibleError
from server.projects.models import Project
from server.projects.selectors import projects_visible_to
from server.registry.models import Comparison, ModelVersion, Promotion
from server.registry.policies import model_version_policy


def model_versions_visible_to(actor: User) -> QuerySet[ModelVersion]:
    """Return the versions of all projects that the actor sees, newest first."""
    return ModelVersion.objects.filter(project__in=projects_visible_to(actor)).select_related(
        "project", "created_by"
    )


def get_model_version_for(actor: User, version_id: UUID, action: str = "view") -> ModelVersion:
    """Return one version; raises NotVisibleError or NotAllowedError."""
    version = model_versions_visible_to(actor).filter(pk=version_id).first()
    if version is None:
        raise NotVisibleError
    model_version_policy.require(actor, version.project, action)
    return version


def get_version(version_id: UUID | str) -> ModelVersion:
    """Return a version with its project, for a job."""
    return ModelVersion.objects.select_related("project").get(pk=version_id)


def find_current_version(project: Project, task: str) -> ModelVersion | None:
    """Return the current version of a task, if there is one."""
    return ModelVersion.objects.filter(project=project, task=task, state=ModelVersion.State.CURRENT).first()


def find_version_named(actor: User, project: Project, name: str) -> ModelVersion:
    """Return a version by its display name, for recipes that build on it; raises NotVisibleError.

    ``descriptors v3`` is one of the project, ``Liver: descriptors v3`` one of another project that the
    actor sees, so that one project can build on the model of another. An id does as well.
    """
    visible = model_versions_visible_to(actor)
    # Whoever started a round of the project may have left it.
    own = ModelVersion.objects.filter(project=project)
    elsewhere, colon, short = (part.strip() for part in name.rpartition(":"))
    candidates = visible.filter(project__name=elsewhere) if colon else own
    recipe, _, number = short.rpartition(" v")
    version = candidates.filter(recipe=recipe, number=int(number)).first() if number.isdecimal() else None
    identity = _as_id(name)
    if version is None and identity is not None:
        version = own.filter(pk=identity).first() or visible.filter(pk=identity).first()
    if version is None:
        message = Message(
            "no_version_called",
            name=name,
        )
        raise NotVisibleError(message)
    return version


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None


def find_version_of_round(round_id: UUID) -> ModelVersion | None:
    """Return the version of a round, if there is one."""
    return ModelVersion.objects.filter(round_id=round_id).first()


def promotions_visible_to(actor: User) -> QuerySet[Promotion]:
    """Return the decisions about current versions, newest first."""
    return Promotion.objects.filter(project__in=projects_visible_to(actor)).select_related(
        "model_version", "replaced", "actor"
    )


def get_comparison_for(actor: User, version_id: UUID, other_id: UUID | None) -> Comparison:
    """Return the newest stored comparison of a version with another one, or with any.

    A comparison is symmetric in its data, so one that was stored the other way round is not used:
    the sign of its differences would be wrong. Raises NotVisibleError when there is none.
    """
    version = get_model_version_for(actor, version_id)
    comparisons = Comparison.objects.filter(model_version=version).select_related("model_version", "other")
    if other_id is not None:
        comparisons = comparisons.filter(other=get_model_version_for(actor, other_id))
    comparison = comparisons.first()
    if comparison is None:
        message = Message("never_compared")
        raise NotVisibleError(message)
    return comparison
