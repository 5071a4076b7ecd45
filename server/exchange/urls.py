"""Addresses of the ``exchange`` app, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from server.exchange import api

urlpatterns = [
    path("slides/<uuid:slide_id>/import", api.ImportView.as_view(), name="import-annotations"),
    path("slides/<uuid:slide_id>/export.geojson", api.ExportSlideView.as_view(), name="export-slide"),
    path("slides/<uuid:slide_id>/export.histoml", api.ExportHistomlView.as_view(), name="export-histoml"),
    path("projects/<uuid:project_id>/export", api.ExportProjectView.as_view(), name="export-project"),
]
