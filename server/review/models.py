"""Verdicts on suggestions, and the state folded from them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from server.annotations.models import Annotation
from server.core.models import Entity
from server.objects.models import ObjectSet
from server.projects.models import Label


class Verdict(Entity):
    """A reviewer's verdict on some suggestions. Never changed; undo is another verdict.

    ``objects_bitmap`` is a serialised Roaring bitmap of object numbers, all of them from
    ``first_index`` to ``last_index``: that is what finds the verdicts on one object.
    """

    class Kind(models.TextChoices):
        """Kind of a verdict; ``undone`` reverts the verdict of ``undoes``."""

        ACCEPTED = "accepted"
        REJECTED = "rejected"
        RELABELLED = "relabelled"
        REDRAWN = "redrawn"
        UNDONE = "undone"

    class Reason(models.TextChoices):
        """Reason for the rejection of a suggestion."""

        WRONG_CLASS = "wrong_class"
        NOT_AN_OBJECT = "not_an_object"
        BAD_OUTLINE = "bad_outline"
        ARTEFACT = "artefact"
        OTHER = "other"

    object_set = models.ForeignKey(ObjectSet, on_delete=models.CASCADE, related_name="verdicts")
    sequence = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="verdicts")
    label = models.ForeignKey(Label, on_delete=models.PROTECT, null=True, related_name="+")
    reason = models.CharField(max_length=20, choices=Reason.choices, blank=True)
    comment = models.TextField(blank=True)
    objects_bitmap = models.BinaryField()
    first_index = models.PositiveBigIntegerField()
    last_index = models.PositiveBigIntegerField()
    count = models.PositiveBigIntegerField()
    # Not deleted by themselves; both go with the slide, which takes the verdict along.
    annotation = models.ForeignKey(Annotation, on_delete=models.RESTRICT, null=True, related_name="verdicts")
    undoes = models.OneToOneField("self", on_delete=models.RESTRICT, null=True, related_name="undone_by")

    class Meta:
        ordering = ["sequence"]
        constraints = [
            models.UniqueConstraint(fields=["object_set", "sequence"], name="review_verdicts_in_one_order"),
            models.CheckConstraint(
                condition=~Q(kind="relabelled") | Q(label__isnull=False),
                name="review_relabelled_names_a_label",
            ),
            models.CheckConstraint(
                condition=Q(kind="undone", undoes__isnull=False)
                | (~Q(kind="undone") & Q(undoes__isnull=True)),
                name="review_undone_names_a_verdict",
            ),
            models.CheckConstraint(
                condition=Q(first_index__lte=models.F("last_index")), name="review_verdict_has_a_range"
            ),
        ]
        indexes = [
            models.Index(
                fields=["object_set", "first_index", "last_index"], name="review_verdicts_by_object"
            ),
            models.Index(fields=["reviewer", "-created_at"], name="review_verdicts_by_reviewer"),
        ]


class ReviewState(models.Model):
    """The fold of a set's verdicts, in one row under lock. ``version`` counts the verdicts.

    ``accepted``, ``rejected`` and ``redrawn`` are serialised Roaring bitmaps; ``relabelled`` maps a
    label id to such a bitmap in base 64. The bitmaps are disjoint; objects in none are open.
    """

    object_set = models.OneToOneField(
        ObjectSet, on_delete=models.CASCADE, primary_key=True, related_name="review_state"
    )
    version = models.PositiveIntegerField(default=0)
    accepted = models.BinaryField(default=bytes)
    rejected = models.BinaryField(default=bytes)
    redrawn = models.BinaryField(default=bytes)
    relabelled = models.JSONField(default=dict)
    decided_count = models.PositiveBigIntegerField(default=0)


class Skip(Entity):
    """A suggestion that one reviewer skipped."""

    object_set = models.ForeignKey(ObjectSet, on_delete=models.CASCADE, related_name="skips")
    object_index = models.PositiveBigIntegerField()
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="skips")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["object_set", "object_index", "reviewer"], name="review_one_skip_each"
            ),
        ]
