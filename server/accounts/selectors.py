"""Queries of users and tokens."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from ml.contracts import Sentence
from server.accounts.models import ApiToken, User
from server.core.errors import NotAllowedError, NotVisibleError

SYSTEM_USERNAME = "coverslip"


def users_findable_by(actor: User, search: str = "") -> QuerySet[User]:
    """Return active users for a member picker; only administrators and managers may search."""
    manages = actor.is_superuser or actor.memberships.filter(role="manager").exists()
    if not manages:
        message = Sentence("only_managers_look", "Only managers and administrators may look for users.")
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
        message = Sentence("only_administrators_manage_people", "Only an administrator may manage people.")
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


def get_token_for(actor: Any, token_id: UUID) -> ApiToken:
    """Return one of the actor's own tokens or raise NotVisibleError."""
    token = tokens_of(actor).filter(pk=token_id).first()
    if token is None:
        raise NotVisibleError
    return token
