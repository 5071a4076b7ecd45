"""Model versions: weights, provenance, metrics and promotions."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from server.core.models import Entity
from server.projects.models import Project


class ModelVersion(Entity):
    """A trained recipe. ``snapshot_digest`` names its training data, as rounds are in a downstream app.

    ``kept_at`` says that somebody compared this candidate and kept the current version instead.
    """

    class State(models.TextChoices):
        """State of a version; one per project and task is current."""

        CANDIDATE = "candidate"
        CURRENT = "current"
        FORMER = "former"

    TRANSITIONS = {
        State.CANDIDATE: {State.CURRENT},
        State.CURRENT: {State.FORMER},
        State.FORMER: {State.CURRENT},
    }

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="model_versions")
    recipe = models.CharField(max_length=50)
    task = models.CharField(max_length=10)
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.CANDIDATE)
    parent = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="+")
    labels = models.JSONField(default=list)
    config = models.JSONField(default=dict)
    seed = models.BigIntegerField(default=0)
    snapshot_digest = models.CharField(max_length=64)
    round_id = models.UUIDField(null=True)
    code_version = models.CharField(max_length=64)
    storage_key = models.CharField(max_length=500)
    weights_digest = models.CharField(max_length=64)
    metrics = models.JSONField(default=dict)
    card = models.TextField(blank=True)
    # The same line by line, each a sentence with its code and values, for other languages.
    card_lines = models.JSONField(default=list, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    promoted_at = models.DateTimeField(null=True)
    kept_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="registry_one_version_per_number"),
            models.UniqueConstraint(
                fields=["project", "task"],
                condition=Q(state="current"),
                name="registry_one_current_version_per_task",
            ),
        ]

    @property
    def name(self) -> str:
        """Return the display name, for instance ``descriptors v3``."""
        return f"{self.recipe} v{self.number}"


class UploadedWeights(Entity):
    """An uploaded safetensors file, for recipes to start from. Never unpickled.

    ``provenance`` says where the weights come from and under which licence, in the words of whom they
    were uploaded by.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="uploaded_weights")
    name = models.CharField(max_length=100)
    provenance = models.TextField(max_length=2000)
    digest = models.CharField(max_length=64)
    size = models.BigIntegerField()
    tensors = models.PositiveIntegerField()
    storage_key = models.CharField(max_length=500)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="registry_one_weights_per_name"),
        ]


class Promotion(Entity):
    """One decision about the current version; roll-backs follow this history.

    ``kept`` changes nothing: it remembers that ``model_version`` was weighed and not taken.
    """

    class Kind(models.TextChoices):
        """Direction of a decision: forward, back, or neither."""

        PROMOTED = "promoted"
        ROLLED_BACK = "rolled_back"
        KEPT = "kept"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="promotions")
    task = models.CharField(max_length=10)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="promotions")
    replaced = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, null=True, related_name="+")
    reason = models.TextField(blank=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-created_at"]


class Comparison(Entity):
    """Two versions measured on the same held-out items, pair by pair. Written once.

    ``metrics`` lists {name, unit, this, other, difference}, each an estimate {value, low, high};
    ``data_digest`` names the snapshot whose test part was used and ``count`` its items.
    """

    class Recommendation(models.TextChoices):
        """Recommendation by the numbers; a person decides."""

        PROMOTE = "promote"
        KEEP = "keep"
        UNCLEAR = "unclear"

    model_version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="comparisons")
    other = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+")
    data_digest = models.CharField(max_length=64)
    count = models.PositiveIntegerField()
    metrics = models.JSONField(default=list)
    recommendation = models.CharField(max_length=10, choices=Recommendation.choices)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["model_version", "other", "data_digest"],
                name="registry_one_comparison_per_data",
            ),
            models.CheckConstraint(
                condition=~Q(model_version=models.F("other")),
                name="registry_compared_with_another",
            ),
        ]
