"""OpenAPI schema parts common to all operations: the format of errors."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import force_instance
from drf_spectacular.utils import extend_schema_field
from rest_framework import fields, serializers
from rest_framework.generics import GenericAPIView

from ml.messages import Message


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": {
            "oneOf": [{"type": "string"}, {"type": "number"}, {"$ref": "#/components/schemas/Message"}]
        },
    }
)
class MessageParamsField(serializers.DictField):
    """Parameters of a text by name; a message is a parameter too."""


class MessageSerializer(serializers.Serializer[Any]):
    """A message: the code and the parameters of its text in each language, and the English text."""

    code = serializers.CharField()
    params = MessageParamsField()
    text = serializers.CharField(allow_blank=True)

    def to_representation(self, instance: Any) -> Any:
        """Return a message, or one that is stored as JSON."""
        return instance.as_json() if isinstance(instance, Message) else super().to_representation(instance)


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457 problem details, with a stable code."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    message = MessageSerializer(required=False, help_text="The message of `detail`, for other languages.")
    field = serializers.CharField(required=False)
    errors = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()), required=False
    )


class ProblemSchema(AutoSchema):
    """Schema that adds the problem response to every operation."""

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        """Return the declared responses and, for every other status, a problem."""
        declared: Any = super()._get_response_bodies(direction)
        problem: Any = self._get_response_for_code(ProblemSerializer, "default", None, direction)  # type: ignore[no-untyped-call]
        return {**declared, "default": problem}

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        """Return the schema with all fields of a response required, except those declared optional.

        The base class takes a field with a default for one that may be missing, which holds for requests.
        """
        schema: Any = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if direction == "response":
            made = force_instance(serializer)  # type: ignore[no-untyped-call]
            is_model = isinstance(made, serializers.ModelSerializer)
            always = {
                name
                for name, field in made.fields.items()
                if is_model or field.required or _has_default(field)
            }
            required = (set(schema["properties"]) & always) | set(schema.get("required", ()))
            if required:
                schema["required"] = sorted(required)
        return schema

    def _is_list_view(self, serializer: Any = None) -> bool:
        """Return whether an operation is a list: a page of rows, with filters and pagination."""
        listed = self.method == "GET" and self.get_operation_id().startswith("list_")
        return (listed and isinstance(self.view, GenericAPIView)) or bool(super()._is_list_view(serializer))

    def get_filter_backends(self) -> list[Any]:
        """Return the filters of the lists that declare some."""
        declared = getattr(self.view, "filterset_class", None)
        return list(super().get_filter_backends()) if declared else []


def _has_default(field: Any) -> bool:
    return field.default is not fields.empty
