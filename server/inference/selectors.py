"""Queries of prediction runs."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from server.accounts.models import User
from server.core.errors import NotVisibleError
from server.inference.models import PredictionRun
from server.projects.selectors import projects_visible_to
from server.slides.models import Slide


def predictions_visible_to(actor: User) -> QuerySet[PredictionRun]:
    """Return the runs in all projects that the actor sees, newest first."""
    return PredictionRun.objects.filter(slide__project__in=projects_visible_to(actor)).select_related(
        "model_version", "job", "slide"
    )


def newest_findings(slide: Slide) -> list[PredictionRun]:
    """Return the newest finding of each version for a whole slide, the newest first."""
    runs = PredictionRun.objects.filter(slide=slide, finding__isnull=False).select_related("model_version")
    newest: dict[UUID, PredictionRun] = {}
    for run in runs.order_by("-created_at", "-id"):
        newest.setdefault(run.model_version_id, run)
    return list(newest.values())


def get_prediction_for(actor: User, prediction_id: UUID) -> PredictionRun:
    """Return one run; raises NotVisibleError."""
    prediction = predictions_visible_to(actor).filter(pk=prediction_id).first()
    if prediction is None:
        raise NotVisibleError
    return prediction


def find_prediction(prediction_id: UUID | str) -> PredictionRun | None:
    """Return a run with its version, slide and object set, for its job; None when it was deleted."""
    runs = PredictionRun.objects.select_related("model_version__project", "slide__project", "object_set")
    return runs.filter(pk=prediction_id).first()
