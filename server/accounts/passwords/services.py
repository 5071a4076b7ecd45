"""Limits of wrong passwords: per account, per client address and for the whole installation.

Only wrong passwords count, and only wrong ones are refused: the right password is accepted whatever
others have tried. ``gate`` bounds what the checks cost. Counters need no audit record.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from server.accounts.models import User, WrongPasswords

WINDOW: Final = timedelta(minutes=15)
MOST_PER_ACCOUNT: Final = 5
MOST_PER_ADDRESS: Final = 20
MOST_IN_ALL: Final = 300
_IPV6_SITE: Final = 64  # bits of an address that one customer of a provider gets


@dataclass(frozen=True, slots=True)
class WrongPasswordCount:
    """Number of wrong passwords in the current window, and the seconds to wait beyond a limit.

    ``row`` counts for the account; ``wait`` and ``beyond``, the count above a limit, are 0 below all limits.
    """

    row: WrongPasswords
    wait: int
    beyond: int

    @property
    def minutes(self) -> int:
        """The wait in minutes, rounded up."""
        return math.ceil(self.wait / 60)

    @property
    def is_recorded(self) -> bool:
        """Whether the audit records it: each below the limits, then ever fewer of a flood."""
        return self.beyond & (self.beyond - 1) == 0


def count_wrong_sign_in(address: str, username: str) -> WrongPasswordCount:
    """Count a failed sign-in for its user name, its address and the installation."""
    account = _key("name", username.casefold())
    limits = {account: MOST_PER_ACCOUNT, _key("address", site_of(address)): MOST_PER_ADDRESS}
    return _count(account, {**limits, _key("all"): MOST_IN_ALL})


def count_wrong_confirmation(user: User) -> WrongPasswordCount:
    """Count a wrong current password of a signed-in user."""
    account = _key("confirmation", str(user.pk))
    return _count(account, {account: MOST_PER_ACCOUNT})


def forget_wrong_sign_ins(username: str) -> None:
    """Reset the count of an account after its owner signed in. Addresses keep theirs."""
    WrongPasswords.objects.filter(key=_key("name", username.casefold())).delete()


def forget_wrong_confirmations(user: User) -> None:
    """Reset the count after the user confirmed the password."""
    WrongPasswords.objects.filter(key=_key("confirmation", str(user.pk))).delete()


def _count(account: str, limits: Mapping[str, int]) -> WrongPasswordCount:
    now = timezone.now()
    WrongPasswords.objects.filter(window_start__lt=now - WINDOW).delete()
    rows, wait, beyond = {}, 0, 0
    with transaction.atomic():
        # In one order, so that two attempts never wait for each other.
        for key in sorted(limits):
            row, _ = WrongPasswords.objects.select_for_update().get_or_create(
                key=key, defaults={"window_start": now}
            )
            row.count += 1
            row.save()
            rows[key] = row
            if row.count > limits[key]:
                wait = max(wait, math.ceil((row.window_start + WINDOW - now).total_seconds()))
                beyond = max(beyond, row.count)
    return WrongPasswordCount(rows[account], wait, beyond)


def _key(kind: str, value: str = "") -> str:
    """Return a key of fixed length, so that the table holds no attempted names."""
    return hashlib.sha256(f"{kind}\n{value}".encode()).hexdigest()


def site_of(address: str) -> str:
    """Return the client's network: an IPv4 address, or the /64 network of an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _IPV6_SITE), strict=False))
