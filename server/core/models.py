"""The base that entities share."""

from __future__ import annotations

import uuid

from django.db import models


class Entity(models.Model):
    """A row that people can name: a random id and the time of its making."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
