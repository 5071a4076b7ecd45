"""Addresses of the ``accounts`` app, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from server.accounts import api

urlpatterns = [
    path("session", api.SessionView.as_view(), name="session"),
    path("session/preferences", api.PreferencesView.as_view(), name="preferences"),
    path("users", api.UsersView.as_view(), name="users"),
    path("tokens", api.TokensView.as_view(), name="tokens"),
    path("tokens/<uuid:token_id>", api.TokenView.as_view(), name="token"),
]
