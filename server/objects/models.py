"""Output of models and of bulk files: immutable object sets and heat maps."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from ml.slides.resolution import Resolution
from server.core.models import Entity
from server.slides.models import Slide


class ObjectSet(Entity):
    """An immutable table of shapes, which are stored in columnar files under ``storage_key``.

    ``producer_id`` and ``producer_name`` tell the model version or the file that made it; they are
    values, because the registry stands above this app. ``labels`` lists {label_id, name, colour} in
    the order of the label index in the files.
    """

    class Source(models.TextChoices):
        """Source of a set."""

        MODEL = "model"
        FILE = "file"
        GAZE = "gaze"

    class State(models.TextChoices):
        """State of a set; only a ready set is shown."""

        WRITING = "writing"
        READY = "ready"
        FAILED = "failed"

    slide = models.ForeignKey(Slide, on_delete=models.CASCADE, related_name="object_sets")
    name = models.CharField(max_length=200)
    source = models.CharField(max_length=10, choices=Source.choices)
    producer_id = models.UUIDField(null=True, db_index=True)
    producer_name = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WRITING)
    labels = models.JSONField(default=list)
    count = models.PositiveBigIntegerField(default=0)
    storage_key = models.CharField(max_length=500, blank=True)
    summary = models.JSONField(default=dict)
    superseded_at = models.DateTimeField(null=True)
    # The slide's µm per pixel when a model began; null for files, and for sets of earlier versions.
    mpp_x = models.FloatField(null=True)
    mpp_y = models.FloatField(null=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="ready") | ~Q(storage_key=""),
                name="objects_ready_set_has_files",
            ),
        ]

    @property
    def resolution(self) -> Resolution | None:
        """Return the resolution of the slide when the set was made, None where it was not stored."""
        return Resolution.of_axes(self.mpp_x, self.mpp_y)

    @property
    def is_of_other_resolution(self) -> bool:
        """Return whether the slide's resolution was changed since a model made the set."""
        return self.resolution is not None and self.resolution != self.slide.resolution


class HeatMap(Entity):
    """A grid of numbers over a slide. ``version`` counts its writes while growing."""

    class Kind(models.TextChoices):
        """Kind of the numbers."""

        PROBABILITY = "probability"
        UNCERTAINTY = "uncertainty"
        ATTENTION = "attention"

    object_set = models.ForeignKey(ObjectSet, on_delete=models.CASCADE, null=True, related_name="heat_maps")
    slide = models.ForeignKey(Slide, on_delete=models.CASCADE, related_name="heat_maps")
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    label_id = models.UUIDField(null=True)
    x = models.FloatField()
    y = models.FloatField()
    step = models.FloatField()
    # The height of a cell where pixels are not square; None: as high as wide.
    step_y = models.FloatField(null=True)
    rows = models.PositiveIntegerField()
    columns = models.PositiveIntegerField()
    version = models.PositiveIntegerField(default=0)
    storage_key = models.CharField(max_length=500)

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(step__gt=0), name="objects_heat_map_step_is_positive"),
        ]
