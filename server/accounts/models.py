"""Users and their API tokens."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models

from server.core.models import Entity


class User(AbstractUser):
    """A person. ``is_superuser`` is the site administrator of the interface."""

    class Theme(models.TextChoices):
        """How the pages look."""

        LIGHT = "light"
        DARK = "dark"
        AUTO = "auto"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    display_name = models.CharField(max_length=150, blank=True)
    language = models.CharField(max_length=10, default="en")
    theme = models.CharField(max_length=10, choices=Theme.choices, default=Theme.AUTO)
    key_map = models.JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return self.display_name or self.username


class SignInAttempts(models.Model):
    """How often a name was tried from an address since somebody last came in that way."""

    key = models.CharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField(db_index=True)


class ApiToken(Entity):
    """A secret for programs. Only its digest is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
