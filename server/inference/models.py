"""Runs of a model version over slides."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from server.core.models import Entity
from server.jobs.models import Job
from server.objects.models import ObjectSet
from server.registry.models import ModelVersion
from server.slides.models import Slide


class PredictionRun(Entity):
    """A run of one model version on one slide, or a region of it.

    ``finding`` is what a version that judges whole slides says: {"probabilities": [{label_id, name,
    colour, value}], "uncertainty", "refer", "evidence": [{x, y, width, height, weight}], "risk"}.
    """

    model_version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="prediction_runs")
    slide = models.ForeignKey(Slide, on_delete=models.CASCADE, related_name="prediction_runs")
    region = models.JSONField(null=True)
    finding = models.JSONField(null=True)
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="+")
    object_set = models.OneToOneField(
        ObjectSet, on_delete=models.SET_NULL, null=True, related_name="prediction_run"
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-created_at"]
