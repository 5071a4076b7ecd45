"""URLs of the ``annotations`` app, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from server.annotations import api

SLIDE = "slides/<uuid:slide_id>"
ANNOTATION = "annotations/<uuid:annotation_id>"

urlpatterns = [
    path(f"{SLIDE}/annotations", api.AnnotationsView.as_view(), name="annotations"),
    path(f"{SLIDE}/annotations/view", api.AnnotationsInViewView.as_view(), name="annotations-in-view"),
    path(f"{SLIDE}/annotations/batch", api.AnnotationBatchView.as_view(), name="annotation-batch"),
    path(ANNOTATION, api.AnnotationView.as_view(), name="annotation"),
    path(f"{ANNOTATION}/restore", api.RestoreAnnotationView.as_view(), name="restore-annotation"),
    path(f"{ANNOTATION}/revisions", api.RevisionsView.as_view(), name="revisions"),
    path(f"{SLIDE}/regions", api.RegionsView.as_view(), name="regions"),
    path(
        "registrations/<uuid:registration_id>/annotations",
        api.CarriedAnnotationsView.as_view(),
        name="carried-annotations",
    ),
    path("regions/<uuid:region_id>", api.RegionView.as_view(), name="region"),
]
