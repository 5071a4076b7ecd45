"""Annotations with their revisions, and finished regions."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from server.core.models import Entity
from server.projects.models import Label
from server.slides.models import Slide


class Annotation(Entity):
    """A shape with a label, in its current revision. The client chooses the id, so that a retry is harmless.

    ``min_x`` to ``max_y`` are the bounds in level-0 pixels, indexed for the query by view; the label is
    in the index too, so that counting by view reads no shapes. ``nucleus`` is the GeoJSON outline of the
    nucleus of a cell. ``source`` keeps the facts of an imported file that have no column here: ``author``,
    ``score``, ``measurements``.
    """

    class Shape(models.TextChoices):
        """The drawing tool of a shape; the geometry decides."""

        POINT = "point"
        RECTANGLE = "rectangle"
        ELLIPSE = "ellipse"
        POLYGON = "polygon"
        FREEHAND = "freehand"
        BRUSH = "brush"
        LINE = "line"

    slide = models.ForeignKey(Slide, on_delete=models.CASCADE, related_name="annotations")
    label = models.ForeignKey(Label, on_delete=models.PROTECT, null=True, related_name="annotations")
    shape = models.CharField(max_length=10, choices=Shape.choices)
    geometry = models.JSONField()
    min_x = models.FloatField()
    min_y = models.FloatField()
    max_x = models.FloatField()
    max_y = models.FloatField()
    area_px = models.FloatField(default=0)
    length_px = models.FloatField(default=0)
    note = models.TextField(blank=True)
    nucleus = models.JSONField(null=True)
    source = models.JSONField(default=dict)
    revision = models.PositiveIntegerField(default=1)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="annotations")
    parent_object_set_id = models.UUIDField(null=True)
    parent_object_index = models.PositiveBigIntegerField(null=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(min_x__lte=models.F("max_x"), min_y__lte=models.F("max_y")),
                name="annotations_bounds_in_order",
            ),
            models.CheckConstraint(
                condition=Q(parent_object_set_id__isnull=True, parent_object_index__isnull=True)
                | Q(parent_object_set_id__isnull=False, parent_object_index__isnull=False),
                name="annotations_parent_is_whole",
            ),
        ]
        indexes = [
            models.Index(
                fields=["slide", "min_x", "max_x", "min_y", "max_y", "label"],
                condition=Q(deleted_at__isnull=True),
                name="annotations_by_view",
            ),
            # Counts what stands on a slide without reading its rows.
            models.Index(fields=["slide", "deleted_at"], name="annotations_by_slide"),
        ]


class Revision(models.Model):
    """An annotation after one change. Never changed, never deleted."""

    class Change(models.TextChoices):
        """The kind of a change."""

        CREATED = "created"
        EDITED = "edited"
        DELETED = "deleted"
        RESTORED = "restored"

    id = models.BigAutoField(primary_key=True)
    annotation = models.ForeignKey(Annotation, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    change = models.CharField(max_length=10, choices=Change.choices)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    label_id = models.UUIDField(null=True)
    shape = models.CharField(max_length=10)
    geometry = models.JSONField()
    note = models.TextField(blank=True)
    nucleus = models.JSONField(null=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(
                fields=["annotation", "number"], name="annotations_one_revision_per_number"
            ),
        ]


class Region(Entity):
    """A finished region: everything in it is annotated, so absence of a mark is a negative."""

    slide = models.ForeignKey(Slide, on_delete=models.CASCADE, related_name="regions")
    geometry = models.JSONField()
    area_px = models.FloatField()
    declared_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["created_at"]
