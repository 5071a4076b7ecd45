"""Authentication of requests: a session in the browser, a token for programs."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication, exceptions
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from server.accounts.models import ApiToken, User
from server.accounts.selectors import find_valid_token
from server.accounts.services import note_token_use


def actor_of(request: Request) -> User:
    """Return the user of an authenticated request; raises NotAuthenticated without one."""
    if not isinstance(request.user, User):
        raise exceptions.NotAuthenticated
    return request.user


class TokenAuthentication(authentication.BaseAuthentication):
    """Authentication by ``Authorization: Token <secret>``, which alone enforces the scope of tokens.

    A token of scope *read* may only use safe methods. No token writes to views with
    ``session_required = True``: a leaked one makes no token and changes no password, person or membership.
    """

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        """Return the user, None without such a header; AuthenticationFailed for a bad token.

        Raises PermissionDenied (``token_read_only``, ``session_required``) beyond what the token may do.
        """
        header = authentication.get_authorization_header(request).decode("latin-1").split()
        if not header or header[0].lower() != "token":
            return None
        token = find_valid_token(header[1]) if len(header) == 2 else None  # noqa: PLR2004
        if token is None:
            raise exceptions.AuthenticationFailed(code="invalid_token")
        note_token_use(token)
        if request.method not in SAFE_METHODS:
            if token.scope != ApiToken.Scope.WRITE:
                raise exceptions.PermissionDenied(code="token_read_only")
            if getattr(request.parser_context["view"], "session_required", False):
                raise exceptions.PermissionDenied(code="session_required")
        return token.user, None

    def authenticate_header(self, request: Request) -> str:
        """Return the scheme, so that a missing sign-in answers 401."""
        del request
        return "Token"


class SessionAuthentication(authentication.SessionAuthentication):
    """Authentication by the browser's session; writes need the CSRF header.

    The session of a one-time password reaches only views with ``before_password_change = True``.
    """

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        """Return the user, None without a session; PermissionDenied until a one-time password is changed.

        The session of a one-time password ends when the password expires.
        """
        signed_in = super().authenticate(request)
        if signed_in is None or signed_in[0].one_time_expired:
            return None
        user = signed_in[0]
        view = request.parser_context["view"]
        if user.must_change_password and not getattr(view, "before_password_change", False):
            raise exceptions.PermissionDenied(code="password_change_required")
        return signed_in


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The token in the OpenAPI schema."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the OpenAPI security scheme."""
        del auto_schema
        return {"type": "apiKey", "in": "header", "name": "Authorization"}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The session in the OpenAPI schema."""

    target_class = SessionAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the OpenAPI security scheme."""
        del auto_schema
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}
