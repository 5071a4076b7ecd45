"""Sign-in, preferences, tokens and users over HTTP."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, status
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ml.messages import Message
from server.accounts import selectors, services
from server.accounts.authentication import actor_of
from server.accounts.models import ApiToken, User
from server.accounts.passwords.gate import remember_browser
from server.accounts.passwords.services import count_wrong_confirmation, count_wrong_sign_in
from server.accounts.serializers import (
    AccountSerializer,
    IssuedTokenSerializer,
    MeSerializer,
    NewTokenSerializer,
    NewUserSerializer,
    OneTimePasswordSerializer,
    PasswordChangeSerializer,
    PreferencesSerializer,
    SignInSerializer,
    TokenSerializer,
    UserSerializer,
)
from server.core.errors import TooOftenError
from server.core.searching import search_text


class SessionView(APIView):
    """The browser's session."""

    permission_classes = (AllowAny,)
    before_password_change = True

    @extend_schema(operation_id="get_session", responses={200: MeSerializer, 204: None})
    def get(self, request: Request) -> Response:
        """Return the signed-in user; 204 without a sign-in, which is no error."""
        if not request.user.is_authenticated:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response(MeSerializer(request.user, context={"request": request}).data)

    @extend_schema(operation_id="sign_in", request=SignInSerializer, responses=MeSerializer)
    def post(self, request: Request) -> Response:
        """Sign in; a wrong password is 401 ``invalid_credentials``, 429 ``too_many_sign_ins`` after several.

        The right password is accepted at any time.
        """
        form = SignInSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        address, username = request.META.get("REMOTE_ADDR", ""), form.validated_data["username"]
        user = authenticate(request._request, **form.validated_data)  # noqa: SLF001
        if not isinstance(user, User):
            count = count_wrong_sign_in(address, username)
            services.refuse_session(actor=services.Visitor(address), username=username, count=count)
            if count.wait:
                text = Message(
                    "too_many_sign_ins",
                    minutes=count.minutes,
                )
                raise TooOftenError(text, wait=count.wait)
            raise exceptions.AuthenticationFailed(code="invalid_credentials")
        if user.one_time_expired:
            raise exceptions.AuthenticationFailed(code="one_time_expired")
        login(request._request, user)  # noqa: SLF001
        services.open_session(actor=user, address=address)
        response = Response(MeSerializer(user, context={"request": request}).data)
        remember_browser(response, user, is_secure=settings.SESSION_COOKIE_SECURE)
        return response

    @extend_schema(operation_id="sign_out", responses={204: None})
    def delete(self, request: Request) -> Response:
        """Sign out."""
        if request.user.is_authenticated:
            services.close_session(actor=actor_of(request))
        logout(request._request)  # noqa: SLF001
        return Response(status=status.HTTP_204_NO_CONTENT)


class PreferencesView(APIView):
    """The actor's own preferences."""

    @extend_schema(operation_id="change_preferences", request=PreferencesSerializer, responses=MeSerializer)
    def patch(self, request: Request) -> Response:
        """Change language, theme, key map or shown layers."""
        form = PreferencesSerializer(data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        user = services.change_preferences(actor=actor_of(request), **form.validated_data)
        return Response(MeSerializer(user, context={"request": request}).data)


class PasswordView(APIView):
    """The actor's own password. A session is needed: a token alone never takes over an account."""

    session_required = True
    before_password_change = True

    @extend_schema(operation_id="change_password", request=PasswordChangeSerializer, responses=MeSerializer)
    def put(self, request: Request) -> Response:
        """Change the password; other sessions end, and API tokens unless they are to be kept.

        422 ``wrong_password``, ``same_password`` or ``weak_password``; 429 ``too_many_passwords``.
        """
        form = PasswordChangeSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        actor, given = actor_of(request), form.validated_data
        try:
            user = services.change_password(
                actor=actor,
                current=given["current_password"],
                new=given["new_password"],
                keep_tokens=given["keep_tokens"],
            )
        except services.WrongPasswordError as error:
            count = count_wrong_confirmation(actor)
            services.refuse_password_change(actor=actor, count=count)
            if count.wait:
                text = Message(
                    "too_many_passwords",
                    minutes=count.minutes,
                )
                raise TooOftenError(text, wait=count.wait) from error
            raise
        update_session_auth_hash(request._request, user)  # noqa: SLF001
        return Response(MeSerializer(user, context={"request": request}).data)


class AccountsView(GenericAPIView[User]):
    """All accounts of this installation, for administrators."""

    serializer_class = AccountSerializer

    @extend_schema(
        operation_id="list_accounts",
        parameters=[OpenApiParameter("search", str), OpenApiParameter("active", bool)],
    )
    def get(self, request: Request) -> Response:
        """List accounts, active ones first."""
        active = {"true": True, "false": False}.get(request.query_params.get("active", ""))
        people = selectors.accounts_for(actor_of(request), search_text(request), active=active)
        page = self.paginate_queryset(people)
        return self.get_paginated_response(AccountSerializer(page, many=True).data)


class DeactivationView(APIView):
    """Deactivation of an account."""

    session_required = True

    @extend_schema(operation_id="deactivate_account", request=None, responses=AccountSerializer)
    def post(self, request: Request, user_id: UUID) -> Response:
        """Deactivate an account: sessions and tokens end, sign-ins fail; 422 ``last_administrator``."""
        user = selectors.get_account_for(actor_of(request), user_id)
        return Response(AccountSerializer(services.deactivate_user(actor=actor_of(request), user=user)).data)


class ReactivationView(APIView):
    """Reactivation of an account."""

    session_required = True

    @extend_schema(operation_id="reactivate_account", request=None, responses=AccountSerializer)
    def post(self, request: Request, user_id: UUID) -> Response:
        """Reactivate an account."""
        user = selectors.get_account_for(actor_of(request), user_id)
        return Response(AccountSerializer(services.reactivate_user(actor=actor_of(request), user=user)).data)


class PasswordResetView(APIView):
    """One-time password for a user who lost theirs."""

    session_required = True

    @extend_schema(operation_id="reset_password", request=None, responses=OneTimePasswordSerializer)
    def post(self, request: Request, user_id: UUID) -> Response:
        """Return a one-time password; 422 ``own_password_reset`` or ``account_inactive``."""
        user = selectors.get_account_for(actor_of(request), user_id)
        user, password = services.reset_password(actor=actor_of(request), user=user)
        body = {"username": user.username, "password": password, "expires_at": user.one_time_until}
        return Response(OneTimePasswordSerializer(body).data, headers={"Cache-Control": "no-store"})


class UsersView(GenericAPIView[User]):
    """Users of this installation."""

    session_required = True
    serializer_class = UserSerializer

    @extend_schema(operation_id="list_users", parameters=[OpenApiParameter("search", str)])
    def get(self, request: Request) -> Response:
        """Search users to add as members."""
        people = selectors.users_findable_by(actor_of(request), search_text(request))
        page = self.paginate_queryset(people)
        return self.get_paginated_response(UserSerializer(page, many=True).data)

    @extend_schema(operation_id="create_user", request=NewUserSerializer, responses={201: UserSerializer})
    def post(self, request: Request) -> Response:
        """Create an account."""
        services.require_may_make_accounts(actor_of(request))
        form = NewUserSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        user = services.create_user(actor=actor_of(request), **form.validated_data)
        return Response(UserSerializer(user).data, status=status.HTTP_201_CREATED)


class TokensView(GenericAPIView[ApiToken]):
    """The actor's own tokens."""

    session_required = True
    serializer_class = TokenSerializer

    @extend_schema(operation_id="list_tokens")
    def get(self, request: Request) -> Response:
        """List the actor's tokens; secrets are never shown again."""
        page = self.paginate_queryset(selectors.tokens_of(request.user))
        return self.get_paginated_response(TokenSerializer(page, many=True).data)

    @extend_schema(
        operation_id="create_token",
        request=NewTokenSerializer,
        responses={201: IssuedTokenSerializer},
    )
    def post(self, request: Request) -> Response:
        """Create a token; only this response holds its secret."""
        form = NewTokenSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        token, secret = services.create_token(actor=actor_of(request), **form.validated_data)
        body = {**TokenSerializer(token).data, "secret": secret}
        return Response(body, status=status.HTTP_201_CREATED)


class TokenView(APIView):
    """One token."""

    session_required = True

    @extend_schema(operation_id="revoke_token", responses={204: None})
    def delete(self, request: Request, token_id: UUID) -> Response:
        """Revoke the token."""
        token = selectors.get_token_for(request.user, token_id)
        services.revoke_token(actor=actor_of(request), token=token)
        return Response(status=status.HTTP_204_NO_CONTENT)
