"""Sign-in, preferences, tokens and users over HTTP."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.contrib.auth import authenticate, login, logout
from django.middleware.csrf import get_token
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts import selectors, services
from server.accounts.attempts import count_attempt
from server.accounts.authentication import actor_of
from server.accounts.models import ApiToken, User
from server.core.searching import search_text

LANGUAGES = ("en", "zh-CN")
MOST_KEYS = 20_000  # characters


class MeSerializer(serializers.ModelSerializer[User]):
    """The person who is signed in."""

    is_administrator = serializers.BooleanField(source="is_superuser", read_only=True)
    language = serializers.ChoiceField(LANGUAGES)
    key_map = serializers.DictField(read_only=True)
    csrf_token = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = (
            "id",
            "username",
            "display_name",
            "is_administrator",
            "language",
            "theme",
            "key_map",
            "csrf_token",
        )

    def get_csrf_token(self, _user: User) -> str:
        """Return the token that writes must carry in ``X-CSRFToken``."""
        return get_token(self.context["request"])


class SignInSerializer(serializers.Serializer[Any]):
    """User name and password."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=1000, trim_whitespace=False)


class PreferencesSerializer(serializers.ModelSerializer[User]):
    """What a person may set for themselves."""

    language = serializers.ChoiceField(LANGUAGES, required=False)

    class Meta:
        model = User
        fields = ("language", "theme", "key_map")
        extra_kwargs: ClassVar = {name: {"required": False} for name in fields}

    def validate_key_map(self, value: Any) -> dict[str, Any]:
        """Accept an object from action names to keys; null frees an action of its key."""
        words = [*value, *filter(None, value.values())] if isinstance(value, dict) else [None]
        if (
            not all(isinstance(word, str) and word.isprintable() for word in words)
            or len(str(value)) > MOST_KEYS
        ):
            message = "An object from action names to keys is expected."
            raise serializers.ValidationError(message)
        return dict(value)


class UserSerializer(serializers.ModelSerializer[User]):
    """A person as others see them."""

    class Meta:
        model = User
        fields = ("id", "username", "display_name")


class NewUserSerializer(serializers.Serializer[Any]):
    """A new account."""

    username = serializers.RegexField(r"^[\w.@+-]+$", max_length=150)
    display_name = serializers.CharField(max_length=150, default="", allow_blank=True)
    password = serializers.CharField(max_length=1000, trim_whitespace=False)


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    """A token without its secret."""

    class Meta:
        model = ApiToken
        fields = ("id", "name", "created_at", "expires_at", "last_used_at")


class NewTokenSerializer(serializers.ModelSerializer[ApiToken]):
    """What a new token is called and when it ends."""

    class Meta:
        model = ApiToken
        fields = ("name", "expires_at")


class IssuedTokenSerializer(TokenSerializer):
    """A new token with its secret, shown once."""

    secret = serializers.CharField()

    class Meta(TokenSerializer.Meta):
        fields = (*TokenSerializer.Meta.fields, "secret")  # type: ignore[assignment]


class SessionView(APIView):
    """The browser's session."""

    permission_classes = (AllowAny,)

    @extend_schema(operation_id="get_session", responses={200: MeSerializer, 204: None})
    def get(self, request: Request) -> Response:
        """Return who is signed in; nothing (204) when nobody is, which is no error."""
        if not request.user.is_authenticated:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response(MeSerializer(request.user, context={"request": request}).data)

    @extend_schema(operation_id="sign_in", request=SignInSerializer, responses=MeSerializer)
    def post(self, request: Request) -> Response:
        """Sign in; 401 ``invalid_credentials``, 429 ``too_many_sign_ins`` after several failures."""
        form = SignInSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        address, username = request.META.get("REMOTE_ADDR", ""), form.validated_data["username"]
        attempts = count_attempt(address, username)
        user = authenticate(request._request, **form.validated_data)  # noqa: SLF001
        if not isinstance(user, User):
            visitor = services.Visitor(address)
            services.refuse_session(actor=visitor, username=username, attempts=attempts)
            message = "User name or password is wrong."
            raise exceptions.AuthenticationFailed(message, code="invalid_credentials")
        login(request._request, user)  # noqa: SLF001
        services.open_session(actor=user, address=address)
        return Response(MeSerializer(user, context={"request": request}).data)

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
        """Change language, theme or key map."""
        form = PreferencesSerializer(data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        user = services.change_preferences(actor=actor_of(request), **form.validated_data)
        return Response(MeSerializer(user, context={"request": request}).data)


class UsersView(GenericAPIView[User]):
    """The people of this installation."""

    serializer_class = UserSerializer

    @extend_schema(operation_id="list_users", parameters=[OpenApiParameter("search", str)])
    def get(self, request: Request) -> Response:
        """Find people to add as members."""
        people = selectors.users_findable_by(actor_of(request), search_text(request))
        page = self.paginate_queryset(people)
        return self.get_paginated_response(UserSerializer(page, many=True).data)

    @extend_schema(operation_id="create_user", request=NewUserSerializer, responses={201: UserSerializer})
    def post(self, request: Request) -> Response:
        """Make an account."""
        services.require_may_make_accounts(actor_of(request))
        form = NewUserSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        user = services.create_user(actor=actor_of(request), **form.validated_data)
        return Response(UserSerializer(user).data, status=status.HTTP_201_CREATED)


class TokensView(GenericAPIView[ApiToken]):
    """The actor's own tokens."""

    serializer_class = TokenSerializer

    @extend_schema(operation_id="list_tokens")
    def get(self, request: Request) -> Response:
        """List them; secrets are never shown again."""
        page = self.paginate_queryset(selectors.tokens_of(request.user))
        return self.get_paginated_response(TokenSerializer(page, many=True).data)

    @extend_schema(
        operation_id="create_token",
        request=NewTokenSerializer,
        responses={201: IssuedTokenSerializer},
    )
    def post(self, request: Request) -> Response:
        """Make a token; the answer alone holds its secret."""
        form = NewTokenSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        token, secret = services.create_token(actor=actor_of(request), **form.validated_data)
        body = {**TokenSerializer(token).data, "secret": secret}
        return Response(body, status=status.HTTP_201_CREATED)


class TokenView(APIView):
    """One token."""

    @extend_schema(operation_id="revoke_token", responses={204: None})
    def delete(self, request: Request, token_id: UUID) -> Response:
        """Revoke it."""
        token = selectors.get_token_for(request.user, token_id)
        services.revoke_token(actor=actor_of(request), token=token)
        return Response(status=status.HTTP_204_NO_CONTENT)
