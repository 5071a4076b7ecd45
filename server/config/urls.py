"""URLs: the API under /api/v1, everything else is the single-page front end."""

from __future__ import annotations

from django.urls import include, path, re_path
from django.views.decorators.cache import cache_page
from drf_spectacular.views import SpectacularAPIView

from server.config.health import report_health
from server.config.pages import open_guide, serve_front_end
from server.config.version import VersionView

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
    "painting",
    "exchange",
)

SCHEMA_SECONDS = 3600

handler400 = "server.config.pages.answer_bad_request"
handler403 = "server.config.pages.answer_forbidden"
handler404 = "server.config.pages.answer_not_found"
handler500 = "server.config.pages.answer_server_error"

urlpatterns = [
    path("healthz", report_health, name="health"),
    # Generating it takes a second; it changes with a new version only, which starts a new process.
    path("api/v1/schema", cache_page(SCHEMA_SECONDS)(SpectacularAPIView.as_view()), name="schema"),
    path("api/v1/version", VersionView.as_view(), name="version"),
    *(path("api/v1/", include(f"server.{app}.urls")) for app in APPS),
    # The guide's pages are static files; an unknown one is the front end's page with 404.
    re_path(r"^help/?$", open_guide, name="guide"),
    re_path(r"^(?!(?:api|tiles|object-tiles|static|assets)(?:/|$)).*$", serve_front_end, name="front-end"),
]
