"""URLs of the ``review`` app, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from server.review import api
from server.review.history import api as history

SET = "object-sets/<uuid:set_id>"

urlpatterns = [
    path("projects/<uuid:project_id>/review/queue", api.QueueView.as_view(), name="review-queue"),
    path(f"{SET}/objects", api.SuggestionsView.as_view(), name="suggestions"),
    path(f"{SET}/objects/at", api.SuggestionAtView.as_view(), name="suggestion-at"),
    path(f"{SET}/objects/<int:index>/history", api.HistoryView.as_view(), name="suggestion-history"),
    path(f"{SET}/review-state", history.ReviewStateView.as_view(), name="review-state"),
    path(f"{SET}/verdicts", api.VerdictsView.as_view(), name="verdicts"),
    path(f"{SET}/verdicts/redraw", api.RedrawView.as_view(), name="redraw"),
    path(f"{SET}/states/<int:z>/<int:x>/<int:y>", history.StatesView.as_view(), name="states"),
    path(
        "projects/<uuid:project_id>/verdicts",
        history.ProjectVerdictsView.as_view(),
        name="project-verdicts",
    ),
    path("slides/<uuid:slide_id>/verdicts", history.SlideVerdictsView.as_view(), name="slide-verdicts"),
    path(
        "slides/<uuid:slide_id>/accepted-labels",
        history.AcceptedLabelsView.as_view(),
        name="accepted-labels",
    ),
    path(
        "slides/<uuid:slide_id>/accepted-outlines",
        history.AcceptedOutlinesView.as_view(),
        name="accepted-outlines",
    ),
    path("verdicts/<uuid:verdict_id>/undo", api.UndoVerdictView.as_view(), name="undo-verdict"),
    path("review/skip", api.SkipView.as_view(), name="skip"),
]
