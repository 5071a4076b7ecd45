"""Addresses: the API under /api/v1, everything else is the single-page front end."""

from __future__ import annotations

from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView

from server.config.pages import serve_front_end

APPS = (
    "accounts",
    "projects",
    "jobs",
    "slides",
    "objects",
    "annotations",
    "registry",
    "inference",
    "review",
    "learning",
    "exchange",
)

handler404 = "server.config.pages.answer_not_found"
handler500 = "server.config.pages.answer_server_error"

urlpatterns = [
    path("api/v1/schema", SpectacularAPIView.as_view(), name="schema"),
    *(path("api/v1/", include(f"server.{app}.urls")) for app in APPS),
    re_path(r"^(?!api/|tiles/|object-tiles/|static/|assets/).*$", serve_front_end, name="front-end"),
]
