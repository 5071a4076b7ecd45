"""Paintings: the regions of a slide as one person's page shows them live."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from server.core.message_field import MessageField
from server.core.models import Entity
from server.slides.models import Slide


class Painting(Entity):
    """The newest live painting of a slide for one person. It holds nothing that people made.

    ``number`` counts the requests: a new one supersedes what is being painted. ``view`` is the box
    {x, y, width, height} in level-0 pixels that is painted first. ``labels`` are the ids of the labels by
    their numbers in the pictures. ``parts`` are {name, row, column, rows, columns, step, step_y}, of cells,
    later ones over earlier ones; ``areas`` are {label_id, cells, mm2}, once the slide is painted.
    """

    class State(models.TextChoices):
        """Progress of the newest request."""

        WAITING = "waiting"
        PAINTING = "painting"
        PAINTED = "painted"
        REFUSED = "refused"

    slide = models.ForeignKey(Slide, on_delete=models.CASCADE, related_name="paintings")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    number = models.PositiveIntegerField(default=0)
    view = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    progress = models.FloatField(default=0)
    message = MessageField(null=True)
    labels = models.JSONField(default=list)
    parts = models.JSONField(default=list)
    areas = models.JSONField(default=list)

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.UniqueConstraint(fields=["slide", "user"], name="painting_of_slide_and_person"),
        ]
