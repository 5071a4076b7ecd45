"""Queries of users and tokens."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.contrib.sessions.models import Session
from django.db.models import Q, QuerySet
from django.utils import timezone

from ml.messages import Message
from server.accounts.models import ApiToken, User
from server.core.errors import NotAllowedError, NotVisibleError
from server.core.prepared import PreparedQuery

SYSTEM_USERNAME = "coverslip"

_session_by_key = PreparedQuery(lambda key: Session.objects.filter(session_key=key), str)
_user_by_id = PreparedQuery(lambda key: User.objects.filter(pk=key), UUID)


def users_findable_by(actor: User, search: str = "") -> QuerySet[User]:
    """Return active users for a member picker; only administrators and managers may search."""
    manages = actor.is_superuser or actor.memberships.filter(role="manager").exists()
    if not manages:
        message = Message("only_managers_look")
        raise NotAllowedError(message)
    people = User.objects.filter(is_active=True).exclude(username=SYSTEM_USERNAME)
    if search:
        people = people.filter(Q(username__icontains=search) | Q(display_name__icontains=search))
    return people.order_by("username")


def require_administrator(actor: Any) -> None:
    """Raise NotAllowedError unless the actor administers the site.

    Comes before any look-up, so that the answer to others does not depend on who exists.
    """
    if not (getattr(actor, "is_active", False) and actor.is_superuser):
        message = Message("only_administrators_manage_people")
        raise NotAllowedError(message)


def accounts_for(actor: User, search: str = "", *, active: bool | None = None) -> QuerySet[User]:
    """Return all accounts, active or not; for administrators only."""
    require_administrator(actor)
    people = User.objects.exclude(username=SYSTEM_USERNAME)
    if search:
        people = people.filter(Q(username__icontains=search) | Q(display_name__icontains=search))
    if active is not None:
        people = people.filter(is_active=active)
    return people.order_by("-is_active", "username")


def get_account_for(actor: User, user_id: UUID) -> User:
    """Return one account or raise NotVisibleError; for administrators only."""
    account = accounts_for(actor).filter(pk=user_id).first()
    if account is None:
        raise NotVisibleError
    return account


def get_user(user_id: UUID) -> User:
    """Return an active user or raise NotVisibleError."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        raise NotVisibleError
    return user


def tokens_of(actor: Any) -> QuerySet[ApiToken]:
    """Return the actor's own tokens, newest first."""
    return ApiToken.objects.filter(user=actor).order_by("-created_at")


def token_digest(secret: str) -> str:
    """Return the stored digest of a token's secret. It has 256 random bits, so a plain hash suffices."""
    return hashlib.sha256(secret.encode()).hexdigest()


def find_valid_token(secret: str) -> ApiToken | None:
    """Return the valid token of an active user with this secret, else None."""
    valid = ApiToken.objects.filter(expires_at__gt=timezone.now(), user__is_active=True)
    return valid.select_related("user").filter(digest=token_digest(secret)).first()


def get_token_for(actor: Any, token_id: UUID) -> ApiToken:
    """Return one of the actor's own tokens or raise NotVisibleError."""
    token = tokens_of(actor).filter(pk=token_id).first()
    if token is None:
        raise NotVisibleError
    return token


def hidden_fields(relation: str) -> list[str]:
    """Return the fields of a related user that other users never see, for ``defer`` in lists of rows."""
    shown = {"id", "username", "display_name"}
    names = (field.name for field in User._meta.concrete_fields)  # noqa: SLF001 - the public way to a model's options
    return [f"{relation}__{name}" for name in names if name not in shown]


def find_session(key: str | None) -> Session | None:
    """Return the session with this key, expired or not, else None."""
    return _session_by_key.first(key)


def find_user(user_id: UUID) -> User | None:
    """Return the user with this id, active or not, else None."""
    return _user_by_id.first(user_id)


def find_user_named(username: str) -> User | None:
    """Return the user with this name, active or not, else None."""
    return User.objects.filter(username=username).first()


def active_users_named(usernames: Collection[str]) -> QuerySet[User]:
    """Return the active users with these names, by name."""
    return User.objects.filter(username__in=usernames, is_active=True).order_by("username")


def find_first_administrator() -> User | None:
    """Return the administrator who joined first, else None."""
    return User.objects.filter(is_superuser=True).order_by("date_joined").first()


def has_users() -> bool:
    """Return whether the installation has any user."""
    return User.objects.exists()
