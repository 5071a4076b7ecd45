"""Services of users, preferences and tokens."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from ml.messages import Message
from server.accounts.models import (
    LONGEST_TOKEN_LIFE,
    ONE_TIME_PASSWORD_LIFE,
    ApiToken,
    User,
    default_token_expiry,
)
from server.accounts.passwords.services import (
    WrongPasswordCount,
    forget_wrong_confirmations,
    forget_wrong_sign_ins,
)
from server.accounts.selectors import require_administrator, token_digest
from server.audit.services import record
from server.core.errors import ConflictError, ContentError, NotAllowedError, StateError
from server.core.services import nothing_written, service

ONE_TIME_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that looks alike
LAST_USED_RESOLUTION: Final = timedelta(minutes=5)
ONE_TIME_GROUPS: Final = 4
ONE_TIME_GROUP: Final = 5
PASSWORD_FIELDS: Final = ("password", "must_change_password", "one_time_until")


class WrongPasswordError(ContentError):
    """The current password of the actor is not the one given."""

    code = "wrong_password"


def require_may_make_accounts(actor: User) -> None:
    """Raise NotAllowedError unless the actor administers the site."""
    if not actor.is_superuser:
        message = Message("only_administrators_make_accounts")
        raise NotAllowedError(message)


def create_user(*, actor: User, username: str, password: str, display_name: str = "") -> User:
    """Create an account; registration is closed, so only an administrator may."""
    require_may_make_accounts(actor)
    user = User(username=username, display_name=display_name)
    _require_strong(password, user, "password")
    # Hashing takes a third of a second: all of it happens before a transaction holds a lock.
    user.set_password(password)
    return _insert_user(actor=actor, user=user)


@service
def _insert_user(*, actor: User, user: User) -> User:
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        message = Message("account_named", name=user.username)
        raise ConflictError(message, code="username_taken", field="username") from error
    record(actor=actor, action="user.create", subject=user, details={"username": user.username})
    return user


def _require_strong(password: str, user: User, field: str) -> None:
    """Raise ContentError (``weak_password``) with every rule that the password violates."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        message = Message("weak_password", reasons=" ".join(error.messages))
        raise ContentError(message, field=field, errors={field: error.messages}) from error


def change_password(*, actor: User, current: str, new: str, keep_tokens: bool = False) -> User:
    """Change the actor's own password; other sessions end, and API tokens unless they are to be kept.

    Raises WrongPasswordError for a wrong current password, ContentError for a weak or an unchanged new one.
    """
    user = User.objects.get(pk=actor.pk)
    if not user.check_password(current):
        raise _wrong_password()
    if current == new:
        message = Message("same_password")
        raise ContentError(message, field="new_password")
    _require_strong(new, user, "new_password")
    return _store_password(
        actor=actor, checked=user.password, password=make_password(new), keep_tokens=keep_tokens
    )


@service
def _store_password(*, actor: User, checked: str, password: str, keep_tokens: bool) -> User:
    """Store a hash, unless the password changed since it was checked."""
    user = User.objects.select_for_update().get(pk=actor.pk)
    if user.password != checked:
        raise _wrong_password()
    user.password = password
    user.must_change_password, user.one_time_until = False, None
    user.save(update_fields=PASSWORD_FIELDS)
    forget_wrong_confirmations(user)
    revoked = 0 if keep_tokens else _revoke_tokens(user)
    record(actor=user, action="user.change_password", subject=user, details={"revoked_tokens": revoked})
    return user


def _wrong_password() -> WrongPasswordError:
    message = Message("wrong_current_password")
    return WrongPasswordError(message, field="current_password")


@service
def refuse_password_change(*, actor: User, count: WrongPasswordCount) -> None:
    """Record in the audit that a password change was refused for a wrong current password."""
    if not count.is_recorded:
        nothing_written()
        return
    record(
        actor=actor,
        action="user.refuse_password_change",
        subject=actor,
        details={"attempt": count.row.count, "wait": count.wait},
    )


def reset_password(*, actor: User, user: User) -> tuple[User, str]:
    """Give a user a one-time password and return both; sessions and API tokens end.

    The person must change it at the next sign-in, within seven days. Nobody resets the own password:
    that asks for the current one.
    """
    require_administrator(actor)
    password = _one_time_password()
    user = _store_one_time_password(actor=actor, user=user, password=make_password(password))
    return user, password


@service
def _store_one_time_password(*, actor: User, user: User, password: str) -> User:
    require_administrator(actor)
    if user.pk == actor.pk:
        message = Message("own_password_reset")
        raise StateError(message)
    user = User.objects.select_for_update().get(pk=user.pk)
    if not user.is_active:
        message = Message("reset_of_inactive", name=str(user))
        raise StateError(message, code="account_inactive")
    user.password = password
    user.must_change_password, user.one_time_until = True, timezone.now() + ONE_TIME_PASSWORD_LIFE
    user.save(update_fields=PASSWORD_FIELDS)
    forget_wrong_confirmations(user)
    record(
        actor=actor,
        action="user.reset_password",
        subject=user,
        details={"revoked_tokens": _revoke_tokens(user)},
    )
    return user


@service
def deactivate_user(*, actor: User, user: User) -> User:
    """Deactivate a user: sign-ins, sessions and API tokens stop working. Their work stays.

    Raises StateError (``last_administrator``) rather than leave nobody who can administer the site.
    """
    require_administrator(actor)
    # All administrators are locked, so that two of them cannot deactivate each other at once.
    concerned = User.objects.select_for_update().filter(Q(is_superuser=True) | Q(pk=user.pk)).order_by("pk")
    rows = {row.pk: row for row in concerned}
    user = rows[user.pk]
    if not user.is_active:
        nothing_written()
        return user
    others = [row for row in rows.values() if row.is_superuser and row.is_active and row.pk != user.pk]
    if user.is_superuser and not others:
        message = Message(
            "last_administrator",
            name=str(user),
        )
        raise StateError(message)
    user.is_active = False
    user.session_epoch += 1
    user.save(update_fields=["is_active", "session_epoch"])
    record(
        actor=actor, action="user.deactivate", subject=user, details={"revoked_tokens": _revoke_tokens(user)}
    )
    return user


@service
def reactivate_user(*, actor: User, user: User) -> User:
    """Let a deactivated user sign in again with the old password; sessions and tokens stay ended."""
    require_administrator(actor)
    user = User.objects.select_for_update().get(pk=user.pk)
    if user.is_active:
        nothing_written()
        return user
    user.is_active = True
    user.save(update_fields=["is_active"])
    record(actor=actor, action="user.reactivate", subject=user)
    return user


def _revoke_tokens(user: User) -> int:
    revoked, _ = user.tokens.all().delete()
    return revoked


def _one_time_password() -> str:
    """Return 20 random characters (99 bits) in groups that can be read aloud."""
    groups = (
        "".join(secrets.choice(ONE_TIME_ALPHABET) for _ in range(ONE_TIME_GROUP))
        for _ in range(ONE_TIME_GROUPS)
    )
    return "-".join(groups)


@dataclass(frozen=True, slots=True)
class Visitor:
    """A client without a sign-in, recorded in the audit by its address."""

    address: str
    pk: str = ""

    def __str__(self) -> str:
        return self.address


@service
def open_session(*, actor: User, address: str) -> None:
    """Record a sign-in, and reset the count of failed ones."""
    forget_wrong_sign_ins(actor.username)
    record(actor=actor, action="session.open", subject=actor, details={"address": address})


@service
def refuse_session(*, actor: Visitor, username: str, count: WrongPasswordCount) -> None:
    """Record a failed sign-in.

    A name that nobody has is not kept: people type their password into the wrong field.
    """
    if not count.is_recorded:
        nothing_written()
        return
    record(
        actor=actor,
        action="session.refuse",
        subject=User.objects.filter(username=username).first() or count.row,
        details={"attempt": count.row.count, "wait": count.wait},
    )


@service
def close_session(*, actor: User) -> None:
    """Record a sign-out."""
    record(actor=actor, action="session.close", subject=actor)


@service
def change_preferences(*, actor: User, **changes: Any) -> User:
    """Change the actor's own language, theme, key map or shown layers."""
    user = User.objects.select_for_update().get(pk=actor.pk)
    for field, value in changes.items():
        setattr(user, field, value)
    user.save(update_fields=list(changes))
    record(actor=actor, action="user.change_preferences", subject=user, details=changes)
    return user


@service
def create_token(
    *, actor: User, name: str, scope: str = ApiToken.Scope.READ, expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """Create a token for the actor; the secret is returned once and never stored.

    Raises ContentError (``bad_expiry``) unless it expires in the future and within 366 days; without a
    time it expires after 90 days.
    """
    expires_at = expires_at or default_token_expiry()
    if not timedelta() < expires_at - timezone.now() <= LONGEST_TOKEN_LIFE:
        message = Message(
            "bad_token_expiry",
            days=LONGEST_TOKEN_LIFE.days,
        )
        raise ContentError(message, code="bad_expiry", field="expires_at")
    secret = secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user=actor, name=name, digest=token_digest(secret), scope=scope, expires_at=expires_at
    )
    details = {"name": name, "scope": scope, "expires_at": expires_at.isoformat()}
    record(actor=actor, action="token.create", subject=token, details=details)
    return token, secret


@service
def revoke_token(*, actor: User, token: ApiToken) -> None:
    """Revoke a token."""
    record(actor=actor, action="token.revoke", subject=token, details={"name": token.name})
    token.delete()


def note_token_use(token: ApiToken) -> None:
    """Store the time of use of a token, once per ``LAST_USED_RESOLUTION``."""
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > LAST_USED_RESOLUTION:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
