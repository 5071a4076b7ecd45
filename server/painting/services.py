"""Writes of live paintings. They show what strokes teach and change nothing that people made.

So they leave no audit record: the strokes have theirs.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from celery import current_app
from django.db import transaction
from django.db.models import F

from ml.messages import Message
from server.accounts.models import User
from server.jobs.services import tell_project
from server.painting.errors import CannotPaintError
from server.painting.models import Painting
from server.painting.policies import painting_policy
from server.painting.serializers import PaintingNewsSerializer
from server.slides.models import Slide

log = logging.getLogger(__name__)

PAINT: Final = "coverslip.paint"
QUEUE: Final = "live"


def ask_for_painting(*, actor: User, slide: Slide, view: Mapping[str, float]) -> Painting:
    """Ask the worker to paint a slide, the view first; supersedes the request before.

    Raises CannotPaintError for a slide without pixels or with channels.
    """
    painting_policy.require(actor, slide.project, "paint")
    if slide.state != Slide.State.READY or slide.channels:
        raise CannotPaintError(Message("cannot_paint", slide=slide.name))
    with transaction.atomic():
        painting, _ = Painting.objects.select_for_update().get_or_create(slide=slide, user=actor)
        painting.number += 1
        painting.view = dict(view)
        painting.state, painting.progress, painting.message = Painting.State.WAITING, 0, None
        painting.save(update_fields=["number", "view", "state", "progress", "message"])
    _send(painting)
    return painting


def stop_painting(*, actor: User, painting: Painting) -> None:
    """Supersede the request that is being painted without a new one; the person closed the painting."""
    painting_policy.require(actor, painting.slide.project, "paint")
    stopped = {"state": Painting.State.REFUSED, "message": None}
    Painting.objects.filter(pk=painting.pk).update(number=F("number") + 1, **stopped)


def begin_painting(*, painting: Painting, labels: Sequence[str]) -> bool:
    """Take the request for this worker; False when another one has it, or when it was superseded.

    Each stroke sends a message, and several threads read them. Where the worker dies, the page asks again.
    """
    waiting = Painting.objects.filter(pk=painting.pk, number=painting.number, state=Painting.State.WAITING)
    began = {"state": Painting.State.PAINTING, "labels": list(labels), "parts": [], "areas": []}
    return bool(waiting.update(state=Painting.State.PAINTING)) and _update(painting, began, part=None)


def report_painting(*, painting: Painting, progress: float, message: Message) -> bool:
    """Note the progress; False when the request was superseded."""
    return _update(painting, {"progress": progress, "message": message}, part=None)


def add_part(*, painting: Painting, part: dict[str, Any], progress: float) -> bool:
    """Show one more part; False when the request was superseded."""
    parts = [*painting.parts, part]
    return _update(painting, {"parts": parts, "progress": progress}, part=part)


def finish_painting(*, painting: Painting, whole: dict[str, Any], areas: list[dict[str, Any]]) -> bool:
    """Replace all parts by the whole slide, with the area of each label; False when superseded."""
    done = {"state": Painting.State.PAINTED, "progress": 1.0, "message": None}
    return _update(painting, {**done, "parts": [whole], "areas": areas}, part=whole)


def refuse_painting(*, painting: Painting, message: Message) -> bool:
    """Note why the request cannot be painted; False when it was superseded."""
    return _update(painting, {"state": Painting.State.REFUSED, "message": message}, part=None)


def _update(painting: Painting, values: dict[str, Any], *, part: dict[str, Any] | None) -> bool:
    for name, value in values.items():
        setattr(painting, name, value)
    with transaction.atomic():
        if not Painting.objects.filter(pk=painting.pk, number=painting.number).update(**values):
            return False
        news = PaintingNewsSerializer(painting).data
        tell_project(painting.slide.project, "painting", {**news, "part": part})
    return True


def _send(painting: Painting) -> None:
    """Send the id; the page asks again where no worker answers."""
    try:
        # With the same id for each message, so that one waiting message is enough.
        current_app.send_task(PAINT, args=[str(painting.pk)], task_id=str(painting.pk), queue=QUEUE)
    except Exception:
        log.exception("painting %s could not be sent", painting.pk)
