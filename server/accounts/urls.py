"""URLs of the ``accounts`` app, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from server.accounts import api

urlpatterns = [
    path("session", api.SessionView.as_view(), name="session"),
    path("session/preferences", api.PreferencesView.as_view(), name="preferences"),
    path("session/password", api.PasswordView.as_view(), name="password"),
    path("users", api.UsersView.as_view(), name="users"),
    path("accounts", api.AccountsView.as_view(), name="accounts"),
    path("accounts/<uuid:user_id>/deactivate", api.DeactivationView.as_view(), name="deactivate-account"),
    path("accounts/<uuid:user_id>/reactivate", api.ReactivationView.as_view(), name="reactivate-account"),
    path("accounts/<uuid:user_id>/reset-password", api.PasswordResetView.as_view(), name="reset-password"),
    path("tokens", api.TokensView.as_view(), name="tokens"),
    path("tokens/<uuid:token_id>", api.TokenView.as_view(), name="token"),
]
