"""Serializers of users, preferences and tokens."""

from __future__ import annotations

from typing import Any, ClassVar

from django.middleware.csrf import get_token
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from server.accounts.models import ApiToken, User
from server.core.names import NameField

LANGUAGES = ("en", "zh-CN")
MOST_KEYS = 20_000  # characters


@extend_schema_field(
    {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}
)
class KeyMapField(serializers.JSONField):
    """Keys by the name of their action; an empty list for an action without a key."""


class MeSerializer(serializers.ModelSerializer[User]):
    """The signed-in user."""

    is_administrator = serializers.BooleanField(source="is_superuser", read_only=True)
    language = serializers.ChoiceField(LANGUAGES)
    key_map = KeyMapField(read_only=True)
    shown_layers = serializers.ListField(
        child=serializers.ChoiceField(User.Layer.choices), allow_null=True, read_only=True
    )
    one_time_sign_in = serializers.BooleanField(
        source="must_change_password",
        read_only=True,
        help_text="Signed in by a one-time password: nothing works until it is changed.",
    )
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
            "shown_layers",
            "one_time_sign_in",
            "csrf_token",
        )

    def get_csrf_token(self, _user: User) -> str:
        """Return the token that writes must send in ``X-CSRFToken``."""
        return get_token(self.context["request"])


class SignInSerializer(serializers.Serializer[Any]):
    """User name and password."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=1000, trim_whitespace=False)


class PreferencesSerializer(serializers.ModelSerializer[User]):
    """Preferences that users set for themselves."""

    language = serializers.ChoiceField(LANGUAGES, required=False)
    key_map = KeyMapField(required=False)
    shown_layers = serializers.ListField(child=serializers.ChoiceField(User.Layer.choices), required=False)

    class Meta:
        model = User
        fields = ("language", "theme", "key_map", "shown_layers")
        extra_kwargs: ClassVar = {name: {"required": False} for name in fields}

    def validate_key_map(self, value: Any) -> dict[str, Any]:
        """Return the validated map from action names to lists of keys."""
        is_map = isinstance(value, dict) and all(isinstance(keys, list) for keys in value.values())
        words = [*value, *(key for keys in value.values() for key in keys)] if is_map else [None]
        if (
            not all(isinstance(word, str) and word.isprintable() for word in words)
            or len(str(value)) > MOST_KEYS
        ):
            message = "An object from action names to lists of keys is expected."
            raise serializers.ValidationError(message)
        return dict(value)

    def validate_shown_layers(self, value: list[str]) -> list[str]:
        """Raise for a layer that is named twice."""
        if len(set(value)) < len(value):
            message = "A layer is named twice."
            raise serializers.ValidationError(message)
        return value


class UserSerializer(serializers.ModelSerializer[User]):
    """A user as other users see them."""

    class Meta:
        model = User
        fields = ("id", "username", "display_name")


class AccountSerializer(serializers.ModelSerializer[User]):
    """An account as administrators see it."""

    is_administrator = serializers.BooleanField(source="is_superuser")
    one_time_sign_in = serializers.BooleanField(
        source="must_change_password", help_text="The next sign-in is by a one-time password."
    )
    one_time_expired = serializers.BooleanField(
        read_only=True, help_text="The one-time password was not used in time; reset it again."
    )

    class Meta:
        model = User
        fields = (
            "id",
            "username",
            "display_name",
            "is_administrator",
            "is_active",
            "one_time_sign_in",
            "one_time_expired",
            "last_login",
        )


class PasswordChangeSerializer(serializers.Serializer[Any]):
    """The current password and the new one."""

    current_password = serializers.CharField(max_length=1000, trim_whitespace=False)
    new_password = serializers.CharField(max_length=1000, trim_whitespace=False)
    keep_tokens = serializers.BooleanField(
        default=False, help_text="Whether API tokens go on working; otherwise they are revoked."
    )


class OneTimePasswordSerializer(serializers.Serializer[Any]):
    """A password for one sign-in, shown once."""

    username = serializers.CharField()
    password = serializers.CharField()
    expires_at = serializers.DateTimeField()


class NewUserSerializer(serializers.Serializer[Any]):
    """A new account."""

    username = serializers.RegexField(r"^[\w.@+-]+$", max_length=150)
    display_name = NameField(max_length=150, default="", allow_blank=True)
    password = serializers.CharField(max_length=1000, trim_whitespace=False)


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    """A token without its secret."""

    class Meta:
        model = ApiToken
        fields = ("id", "name", "scope", "created_at", "expires_at", "last_used_at")


class NewTokenSerializer(serializers.ModelSerializer[ApiToken]):
    """The name, scope and end of a new token."""

    name = NameField(max_length=100)
    expires_at = serializers.DateTimeField(
        required=False, help_text="At most 366 days from now; 90 days without one."
    )

    class Meta:
        model = ApiToken
        fields = ("name", "scope", "expires_at")


class IssuedTokenSerializer(TokenSerializer):
    """A new token with its secret, shown once."""

    secret = serializers.CharField()

    class Meta(TokenSerializer.Meta):
        fields = (*TokenSerializer.Meta.fields, "secret")  # type: ignore[assignment]
