"""Viewing records of a user: stored with consent, shown to them alone, deleted on request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet

from ml.messages import Message
from server.accounts.models import User
from server.audit.services import record
from server.core.services import nothing_written, service
from server.slides.errors import NoDwellConsentError
from server.slides.models import DwellConsent, DwellView, Slide
from server.slides.policies import slide_policy

# ``ml`` takes samples that are further apart than 300 ms for two looks.
SAMPLE_MS: Final = 250
NO_CONSENT: Final = Message("no_dwell_consent")


def consent_of(user: User) -> DwellConsent | None:
    """Return a user's consent; None without one."""
    return DwellConsent.objects.filter(user=user).first()


def views_of(user: User) -> QuerySet[DwellView]:
    """Return the user's own views; those of others are never shown."""
    return DwellView.objects.filter(user=user)


@service
def give_consent(*, actor: User) -> DwellConsent:
    """Store the actor's consent to record views; a second consent is the first one."""
    consent, new = DwellConsent.objects.get_or_create(user=actor)
    if new:
        record(actor=actor, action="dwell.consent", subject=actor)
    else:
        nothing_written()
    return consent


@service
def withdraw_consent(*, actor: User) -> int:
    """Delete the consent and every view of the actor; return their number."""
    views, _ = views_of(actor).delete()
    consents, _ = DwellConsent.objects.filter(user=actor).delete()
    if views or consents:
        record(actor=actor, action="dwell.withdraw", subject=actor, details={"views": views})
    else:
        nothing_written()
    return views


def store_views(*, actor: User, slide: Slide, views: Sequence[Mapping[str, Any]]) -> int:
    """Store views of the actor; raises NoDwellConsentError without consent.

    No service: consent is on record, single views are not, since the record stays when they are withdrawn.
    """
    slide_policy.require(actor, slide.project, "view")
    with transaction.atomic():
        # The row is locked, so that nothing is stored while consent is being taken back.
        if not DwellConsent.objects.select_for_update().filter(user=actor).exists():
            raise NoDwellConsentError(NO_CONSENT)
        DwellView.objects.bulk_create([DwellView(user=actor, slide=slide, **view) for view in views])
    return len(views)


def recording_of(user: User, slide: Slide) -> dict[str, Any]:
    """Return the user's views of a slide in the recording format of ``python -m ml run gaze``.

    Each view is the middle of the screen, sampled for as long as it was there. Raises NoDwellConsentError.
    """
    if consent_of(user) is None:
        raise NoDwellConsentError(NO_CONSENT)
    samples: list[dict[str, Any]] = []
    for view in views_of(user).filter(slide=slide):
        end = view.created_at.timestamp() * 1000
        begin = end - view.milliseconds
        if samples:
            begin = max(begin, samples[-1]["t"] + 2 * SAMPLE_MS)
        samples += [
            {
                "t": begin + passed,
                "x": view.width / view.scale / 2,
                "y": view.height / view.scale / 2,
                "viewport": {"x": view.x, "y": view.y, "scale": view.scale},
            }
            for passed in range(0, view.milliseconds + 1, SAMPLE_MS)
        ]
    return {"consent": True, "kind": "viewport dwell", "samples": samples}
