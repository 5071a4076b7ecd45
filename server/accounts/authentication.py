"""How a request proves who sends it: a session in the browser, a token for programs."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication, exceptions
from rest_framework.request import Request

from server.accounts.models import ApiToken, User

LAST_USED_RESOLUTION = timedelta(minutes=5)


def token_digest(secret: str) -> str:
    """Return what is kept of a token's secret. It has 256 random bits, so a plain hash suffices."""
    return hashlib.sha256(secret.encode()).hexdigest()


def user_of_token(secret: str) -> User | None:
    """Return the active user whose valid token this is."""
    now = timezone.now()
    token = ApiToken.objects.select_related("user").filter(digest=token_digest(secret)).first()
    if token is None or not token.user.is_active or (token.expires_at and token.expires_at <= now):
        return None
    if token.last_used_at is None or now - token.last_used_at > LAST_USED_RESOLUTION:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token.user


def actor_of(request: Request) -> User:
    """Return who sends an authenticated request; raises NotAuthenticated for nobody."""
    if not isinstance(request.user, User):
        raise exceptions.NotAuthenticated
    return request.user


class TokenAuthentication(authentication.BaseAuthentication):
    """``Authorization: Token <secret>``."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        """Return the user, None without such a header; AuthenticationFailed for a bad token."""
        header = authentication.get_authorization_header(request).decode("latin-1").split()
        if not header or header[0].lower() != "token":
            return None
        user = user_of_token(header[1]) if len(header) == 2 else None  # noqa: PLR2004
        if user is None:
            message = "This token is unknown, expired or revoked."
            raise exceptions.AuthenticationFailed(message, code="invalid_token")
        return user, None

    def authenticate_header(self, request: Request) -> str:
        """Name the scheme, so that a missing sign-in answers 401."""
        del request
        return "Token"


class SessionAuthentication(authentication.SessionAuthentication):
    """The browser's session; writes need the CSRF header."""


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes the token in the OpenAPI schema."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the OpenAPI security scheme."""
        del auto_schema
        return {"type": "apiKey", "in": "header", "name": "Authorization"}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes the session in the OpenAPI schema."""

    target_class = SessionAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the OpenAPI security scheme."""
        del auto_schema
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}
