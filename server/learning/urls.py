"""URLs of the ``learning`` app, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from server.learning import api
from server.learning.atlas import api as atlas_api
from server.learning.explanations import api as explanations

PROJECT = "projects/<uuid:project_id>"

urlpatterns = [
    path(f"{PROJECT}/rounds", api.RoundsView.as_view(), name="rounds"),
    path(f"{PROJECT}/rounds/check", api.CheckRoundView.as_view(), name="check-round"),
    path(f"{PROJECT}/atlas", atlas_api.AtlasView.as_view(), name="atlas"),
    path(f"{PROJECT}/snapshots", api.SnapshotsView.as_view(), name="snapshots"),
    path("rounds/<uuid:round_id>", api.RoundView.as_view(), name="round"),
    path(
        "object-sets/<uuid:set_id>/objects/<int:index>/explanation",
        explanations.ExplanationView.as_view(),
        name="explanation",
    ),
    path(
        "explanations/<uuid:explanation_id>.png",
        explanations.ExplanationMapView.as_view(),
        name="explanation-map",
    ),
    path("model-versions/<uuid:version_id>/comparison", api.ComparisonView.as_view(), name="comparison"),
]
