"""How often somebody may guess: failed sign-ins of one name from one address make the next ones wait.

The counter is no fact about the work, so it owes the audit nothing; what happened is put on record by
``services``.
"""

from __future__ import annotations

import hashlib
import math
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from server.accounts.models import SignInAttempts
from server.core.errors import TooOftenError

FREE = 5
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=1)


def count_attempt(address: str, username: str) -> SignInAttempts:
    """Count an attempt before its password is looked at, so that many at once gain nothing.

    Raises TooOftenError (``too_many_sign_ins``) with the seconds to wait.
    """
    now = timezone.now()
    SignInAttempts.objects.filter(last_at__lt=now - FORGOTTEN_AFTER).delete()
    with transaction.atomic():
        row, _ = SignInAttempts.objects.select_for_update().get_or_create(
            key=_key(address, username), defaults={"last_at": now}
        )
        wait = math.ceil((row.last_at + wait_after(row.count) - now).total_seconds())
        if wait > 0:
            message = f"Too many failed sign-ins. Try again in {_in_words(wait)}."
            raise TooOftenError(message, code="too_many_sign_ins", wait=wait)
        row.count += 1
        row.last_at = now
        row.save()
    return row


def forget_attempts(address: str, username: str) -> None:
    """Begin to count anew: the person has come in."""
    SignInAttempts.objects.filter(key=_key(address, username)).delete()


def wait_after(count: int) -> timedelta:
    """Return how long to wait after so many attempts: nothing at first, then twice as long each time."""
    if count < FREE:
        return timedelta()
    # The power is bounded, so that no number of attempts overflows.
    return min(LONGEST_WAIT, FIRST_WAIT * (1 << min(count - FREE, 10)))


def _key(address: str, username: str) -> str:
    """Return what stands for the pair: of fixed length, and no list of the names that were tried."""
    return hashlib.sha256(f"{address}\n{username.casefold()}".encode()).hexdigest()


def _in_words(seconds: int) -> str:
    return f"{seconds} seconds" if seconds <= 90 else f"{math.ceil(seconds / 60)} minutes"  # noqa: PLR2004
