"""Writing users, preferences and tokens."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from ml.contracts import Sentence
from server.accounts.attempts import forget_attempts, wait_after
from server.accounts.authentication import token_digest
from server.accounts.models import ApiToken, SignInAttempts, User
from server.audit.services import record
from server.core.errors import ConflictError, ContentError, NotAllowedError
from server.core.services import service


def require_may_make_accounts(actor: User) -> None:
    """Raise NotAllowedError unless the actor administers the site."""
    if not actor.is_superuser:
        message = Sentence(
            "only_administrators_make_accounts", "Only an administrator of the site may make accounts."
        )
        raise NotAllowedError(message)


@service
def create_user(*, actor: User, username: str, password: str, display_name: str = "") -> User:
    """Make an account; registration is closed, so only an administrator may."""
    require_may_make_accounts(actor)
    user = User(username=username, display_name=display_name)
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ContentError(" ".join(error.messages), code="weak_password", field="password") from error
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        message = Sentence("account_named", "There is an account named '{name}' already.", name=username)
        raise ConflictError(message, code="username_taken", field="username") from error
    record(actor=actor, action="user.create", subject=user, details={"username": username})
    return user


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who is not signed in, as far as the record is concerned: an address."""

    address: str
    pk: str = ""

    def __str__(self) -> str:
        return self.address


@service
def open_session(*, actor: User, address: str) -> None:
    """Put on record that a person has signed in, and forget how often it went wrong before."""
    forget_attempts(address, actor.username)
    record(actor=actor, action="session.open", subject=actor, details={"address": address})


@service
def refuse_session(*, actor: Visitor, username: str, attempts: SignInAttempts) -> None:
    """Put a failed sign-in on record.

    A name that nobody has is not kept: people type their password into the wrong field.
    """
    wait = int(wait_after(attempts.count).total_seconds())
    record(
        actor=actor,
        action="session.refuse",
        subject=User.objects.filter(username=username).first() or attempts,
        details={"attempt": attempts.count, "wait": wait},
    )


@service
def close_session(*, actor: User) -> None:
    """Put on record that a person has signed out."""
    record(actor=actor, action="session.close", subject=actor)


@service
def change_preferences(*, actor: User, **changes: Any) -> User:
    """Change the actor's own language, theme or key map."""
    user = User.objects.select_for_update().get(pk=actor.pk)
    for field, value in changes.items():
        setattr(user, field, value)
    user.save(update_fields=list(changes))
    record(actor=actor, action="user.change_preferences", subject=user, details=changes)
    return user


@service
def create_token(*, actor: User, name: str, expires_at: datetime | None = None) -> tuple[ApiToken, str]:
    """Make a token for the actor; the secret is returned once and never kept."""
    secret = secrets.token_urlsafe(32)
    token = ApiToken.objects.create(user=actor, name=name, digest=token_digest(secret), expires_at=expires_at)
    record(actor=actor, action="token.create", subject=token, details={"name": name})
    return token, secret


@service
def revoke_token(*, actor: User, token: ApiToken) -> None:
    """Make a token useless at once."""
    record(actor=actor, action="token.revoke", subject=token, details={"name": token.name})
    token.delete()
