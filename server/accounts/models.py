"""Users and their API tokens."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone

from server.core.models import Entity

DEFAULT_TOKEN_LIFE: Final = timedelta(days=90)
LONGEST_TOKEN_LIFE: Final = timedelta(days=366)
ONE_TIME_PASSWORD_LIFE: Final = timedelta(days=7)


class User(AbstractUser):
    """A user. ``is_superuser`` is the site administrator of the interface."""

    class Theme(models.TextChoices):
        """Colour theme of the pages."""

        LIGHT = "light"
        DARK = "dark"
        AUTO = "auto"

    class Layer(models.TextChoices):
        """A layer of the viewer that can be shown over a slide."""

        ANNOTATIONS = "annotations"
        SUGGESTIONS = "suggestions"
        HEAT_MAP = "heatMap"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    display_name = models.CharField(max_length=150, blank=True)
    language = models.CharField(max_length=10, default="en")
    theme = models.CharField(max_length=10, choices=Theme.choices, default=Theme.AUTO)
    key_map = models.JSONField(default=dict, blank=True)
    # Names of the layers that the person showed last over a slide; null before the first choice.
    shown_layers = models.JSONField(null=True, blank=True)
    # Set by a reset: the session of a one-time password may do nothing but choose a password.
    must_change_password = models.BooleanField(default=False)
    # When a one-time password stops working; null for passwords that their owners chose.
    one_time_until = models.DateTimeField(null=True, blank=True)
    # Part of what a session is checked against, so that raising it ends every session of the person.
    session_epoch = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.display_name or self.username

    @property
    def one_time_expired(self) -> bool:
        """Whether the password is an expired one-time password."""
        until = self.one_time_until
        return self.must_change_password and until is not None and until <= timezone.now()

    def get_session_auth_hash(self) -> str:
        """Return the digest that a session must hold; it changes with the password and the epoch."""
        return self._add_epoch(super().get_session_auth_hash())

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """Yield the same digest under each former secret key."""
        return map(self._add_epoch, super().get_session_auth_fallback_hash())

    def _add_epoch(self, digest: str) -> str:
        return f"{self.session_epoch}:{digest}" if self.session_epoch else digest


class WrongPasswords(models.Model):
    """Number of wrong passwords for an account, from an address or in all, within a time window."""

    key = models.CharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField(default=0)
    window_start = models.DateTimeField(db_index=True)


def default_token_expiry() -> datetime:
    """Return the default expiry of a token created today."""
    return timezone.now() + DEFAULT_TOKEN_LIFE


class ApiToken(Entity):
    """A secret for programs. Only its digest is stored."""

    class Scope(models.TextChoices):
        """Permissions of a program; ``authentication`` enforces them for every view."""

        READ = "read"
        WRITE = "write"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    scope = models.CharField(max_length=10, choices=Scope.choices, default=Scope.READ)
    expires_at = models.DateTimeField(default=default_token_expiry)
    last_used_at = models.DateTimeField(null=True, blank=True)
