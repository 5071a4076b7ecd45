"""Training snapshots and rounds."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from server.core.models import Entity
from server.jobs.models import Job
from server.objects.models import ObjectSet
from server.projects.models import Project
from server.registry.models import ModelVersion
from server.slides.models import Slide


class Snapshot(Entity):
    """An immutable list of the labels of a training run, named by the hash of its content."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="snapshots")
    digest = models.CharField(max_length=64)
    storage_key = models.CharField(max_length=500)
    counts = models.JSONField(default=dict)
    split_by = models.CharField(max_length=10)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["project", "digest"], name="learning_same_content_same_snapshot"),
        ]


class SplitUnit(models.Model):
    """The part of a case, or of a group of shapes when there is one case. Never moves."""

    class Part(models.TextChoices):
        """Part of the split; ``test`` is never trained on."""

        TRAIN = "train"
        VALIDATION = "validation"
        TEST = "test"

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="split_units")
    split_by = models.CharField(max_length=10)
    unit = models.CharField(max_length=200)
    part = models.CharField(max_length=10, choices=Part.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "split_by", "unit"], name="learning_one_part_per_unit"
            ),
            models.CheckConstraint(
                condition=Q(part__in=["train", "validation", "test"]),
                name="learning_part_is_known",
            ),
        ]


class LearningCount(models.Model):
    """Number of annotations of a label, or of finished regions, in a block of a slide.

    Kept by ``summaries.services`` with every change. ``label`` is an id or ``finished``; ``shapes`` begin in
    the block, ``pieces`` are inside it; ``area`` is in square pixels.
    """

    id = models.BigAutoField(primary_key=True)
    slide = models.ForeignKey(Slide, on_delete=models.CASCADE, related_name="+")
    unit = models.CharField(max_length=60)
    label = models.CharField(max_length=36)
    shapes = models.IntegerField()
    pieces = models.IntegerField()
    area = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["slide", "unit", "label"], name="learning_one_count_each"),
        ]


class Round(Entity):
    """One round: snapshot, training, evaluation, prediction."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="rounds")
    number = models.PositiveIntegerField()
    recipe = models.CharField(max_length=50)
    config = models.JSONField(default=dict)
    seed = models.BigIntegerField(default=0)
    # Taken by the job when it begins.
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, null=True, related_name="rounds")
    # The number of the last audit record when the job began to read the labels.
    labels_read_at = models.PositiveBigIntegerField(default=0)
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="+")
    model_version = models.OneToOneField(
        ModelVersion, on_delete=models.SET_NULL, null=True, related_name="round"
    )
    warnings = models.JSONField(default=list)
    predict = models.BooleanField(default=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="learning_one_round_per_number"),
        ]


class Explanation(Entity):
    """Explanation of one suggestion by a version: computed once, then stored.

    ``document`` is None until the job has ended; then {"label", "probability", "method", "bounds",
    "neighbours": [{slide_id, bounds, label, likeness}]}, with the map as a grey picture under
    ``map_key``.
    """

    object_set = models.ForeignKey(ObjectSet, on_delete=models.CASCADE, related_name="explanations")
    index = models.BigIntegerField()
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="+")
    document = models.JSONField(null=True)
    map_key = models.CharField(max_length=500, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["object_set", "index"], name="learning_explained_once"),
            models.CheckConstraint(condition=Q(index__gte=0), name="learning_index_is_a_number"),
        ]


class Atlas(Entity):
    """Embedding of a project's patches; ``storage_key`` is "" until it is computed.

    ``shown`` of the ``total`` patches on tissue are in the file.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="atlases")
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="+")
    storage_key = models.CharField(max_length=500, blank=True)
    shown = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(total__gte=models.F("shown")), name="learning_atlas_shows_what_there_is"
            ),
        ]
