"""URLs of the ``exchange`` app, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from server.exchange import api

urlpatterns = [
    path("slides/<uuid:slide_id>/import", api.ImportView.as_view(), name="import-annotations"),
    path("slides/<uuid:slide_id>/import/preview", api.ImportPreviewView.as_view(), name="preview-import"),
    path("slides/<uuid:slide_id>/export.geojson", api.ExportSlideView.as_view(), name="export-slide"),
    path("slides/<uuid:slide_id>/export.histoml", api.ExportHistomlView.as_view(), name="export-histoml"),
    path("projects/<uuid:project_id>/import", api.ProjectImportView.as_view(), name="import-project"),
    path(
        "projects/<uuid:project_id>/import/preview",
        api.ProjectImportPreviewView.as_view(),
        name="preview-project-import",
    ),
    path("projects/<uuid:project_id>/export", api.ExportProjectView.as_view(), name="export-project"),
]
