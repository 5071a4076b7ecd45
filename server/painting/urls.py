"""URLs of the ``painting`` app, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from server.painting import api

urlpatterns = [
    path("slides/<uuid:slide_id>/painting", api.PaintingView.as_view(), name="painting"),
    path(
        "paintings/<uuid:painting_id>/<str:name>.png",
        api.PaintingPictureView.as_view(),
        name="painting-picture",
    ),
]
