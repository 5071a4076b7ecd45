"""Mapping of domain errors to RFC 9457 problem details: the only place that knows their HTTP status."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from ml.contracts import DataError
from ml.messages import Message
from server.core import errors
from server.core.files.disk import NO_SPACE, disk_full, is_disk_full

log = logging.getLogger(__name__)

TOO_LARGE: Final = Message("body_too_large")
FORBIDDEN: Final = Message("forbidden")
BAD_REQUEST: Final = Message("bad_request")

# Errors with a message of ours; the REST framework words the others in the language of the request.
OWN_MESSAGES: Final = {
    message.code: message
    for message in (
        Message("invalid_credentials"),
        Message("invalid_token"),
        Message("not_authenticated"),
        Message("not_found"),
        Message("one_time_expired"),
        Message("password_change_required"),
        Message("session_required"),
        Message("throttled"),
        Message("token_read_only"),
    )
}

STATUS: Mapping[type[errors.DomainError], int] = {
    errors.NotVisibleError: HTTPStatus.NOT_FOUND,
    errors.NotAllowedError: HTTPStatus.FORBIDDEN,
    errors.ConflictError: HTTPStatus.CONFLICT,
    errors.StateError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.ContentError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.TooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.TooOftenError: HTTPStatus.TOO_MANY_REQUESTS,
}


def problem(status: int, code: str, detail: Message, **extra: Any) -> dict[str, Any]:
    """Return the body of a problem response; ``detail`` is its message."""
    message = detail.as_json()
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": message["text"],
        "code": code,
        "message": message,
        **extra,
    }


def status_of(error: errors.DomainError) -> int:
    """Return the HTTP status for a domain error, by its nearest registered ancestor."""
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return HTTPStatus.BAD_REQUEST


def domain_problem(error: errors.DomainError) -> dict[str, Any]:
    """Return the problem body of a domain error."""
    extra = dict(error.extra)
    if error.field:
        extra["field"] = error.field
    return problem(status_of(error), error.specific_code, error.detail, **extra)


def no_space_problem() -> dict[str, Any]:
    """Return the problem body for a full disk."""
    return problem(HTTPStatus.INSUFFICIENT_STORAGE, NO_SPACE, disk_full())


def _field_errors(detail: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield (field, sentence) for each error; rows of lists and inner fields are joined by dots."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _field_errors(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list)
            yield from _field_errors(inner, f"{path}.{index}" if nested else path)
    else:
        yield path, str(detail)


def _api_problem(error: exceptions.APIException) -> dict[str, Any]:
    if isinstance(error, exceptions.ValidationError):
        by_field: dict[str, list[str]] = {}
        for field, sentence in _field_errors(error.detail):
            by_field.setdefault(field, []).append(sentence)
        detail = "; ".join(f"{field}: {' '.join(sentences)}" for field, sentences in by_field.items())
        return problem(error.status_code, "invalid", Message("invalid_input", errors=detail), errors=by_field)
    codes = error.get_codes()
    code = codes if isinstance(codes, str) else "invalid"
    message = OWN_MESSAGES.get(code) or Message("verbatim", text=str(error.detail))
    return problem(error.status_code, code, message)


def _django_problem(error: Exception) -> dict[str, Any] | None:
    """Return the problem body of one of Django's errors."""
    if isinstance(error, Http404):
        return problem(HTTPStatus.NOT_FOUND, "not_found", errors.NotVisibleError().detail)
    if isinstance(error, PermissionDenied):
        return problem(HTTPStatus.FORBIDDEN, "not_allowed", FORBIDDEN)
    if isinstance(error, RequestDataTooBig):
        return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", TOO_LARGE)
    if isinstance(error, UnreadablePostError):
        # The sender has left, so nobody reads the answer.
        return problem(HTTPStatus.BAD_REQUEST, "body_cut", Message("request_cut"))
    if isinstance(error, BadRequest | SuspiciousOperation):
        return problem(HTTPStatus.BAD_REQUEST, "bad_request", BAD_REQUEST)
    return None


def handle_exception(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return every expected error as ``application/problem+json``; called by the REST framework."""
    del context
    headers: dict[str, str] = {}
    if is_disk_full(error):
        body = no_space_problem()
    elif isinstance(error, errors.DomainError):
        body = domain_problem(error)
        if isinstance(error, errors.TooOftenError):
            headers["Retry-After"] = str(error.extra["wait"])
    elif isinstance(error, DataError):
        body = problem(HTTPStatus.UNPROCESSABLE_ENTITY, error.code, error.detail)
    elif (refused := _django_problem(error)) is not None:
        body = refused
    elif isinstance(error, exceptions.APIException):
        body = _api_problem(error)
        if wait := getattr(error, "wait", None):
            headers["Retry-After"] = str(int(wait))
        if scheme := getattr(error, "auth_header", None):
            headers["WWW-Authenticate"] = scheme
    else:
        return None
    set_rollback()
    return Response(body, status=body["status"], headers=headers, content_type="application/problem+json")
