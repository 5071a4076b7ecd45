"""URLs of the ``inference`` app, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from server.inference import api

urlpatterns = [
    path("projects/<uuid:project_id>/predictions", api.PredictionsView.as_view(), name="predictions"),
    path("slides/<uuid:slide_id>/findings", api.FindingsView.as_view(), name="findings"),
]
