"""Validation of search texts, before a database sees them."""

from __future__ import annotations

from rest_framework import serializers
from rest_framework.request import Request


def search_text(request: Request, name: str = "search") -> str:
    """Return the text of a search parameter, empty when it was not sent; raises ValidationError.

    PostgreSQL refuses the null character and lone surrogates, so they are refused here in words.
    """
    field = serializers.CharField(allow_blank=True, max_length=200)
    try:
        text: str = field.run_validation(request.query_params.get(name, ""))
    except serializers.ValidationError as error:
        raise serializers.ValidationError({name: error.detail}) from error
    return text
