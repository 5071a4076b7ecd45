"""Reading users and tokens."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from ml.contracts import Sentence
from server.accounts.models import ApiToken, User
from server.core.errors import NotAllowedError, NotVisibleError

SYSTEM_USERNAME = "coverslip"


def users_findable_by(actor: User, search: str = "") -> QuerySet[User]:
    """Return active people for a member picker; only administrators and managers may look."""
    manages = actor.is_superuser or actor.memberships.filter(role="manager").exists()
    if not manages:
        message = Sentence("only_managers_look", "Only managers and administrators may look for users.")
        raise NotAllowedError(message)
    people = User.objects.filter(is_active=True).exclude(username=SYSTEM_USERNAME)
    if search:
        people = people.filter(Q(username__icontains=search) | Q(display_name__icontains=search))
    return people.order_by("username")


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
