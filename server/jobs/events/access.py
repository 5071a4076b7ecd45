"""Access of streams to topics, without holding a database connection for a stream."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest, parse_cookie

from server.accounts.models import User
from server.accounts.selectors import find_valid_token
from server.jobs.events.topics import Topic
from server.jobs.selectors import jobs_visible_to
from server.projects.selectors import projects_visible_to


@dataclass(frozen=True, slots=True)
class Credentials:
    """Proof of a person's identity: the key of a browser session, or the secret of an API token."""

    session_key: str = ""
    token: str = ""


def read_credentials(headers: Iterable[tuple[bytes, bytes]]) -> Credentials:
    """Return the credentials that the headers of an ASGI request carry; a token has precedence."""
    values = {name: value.decode("latin-1") for name, value in headers}
    scheme, _, secret = values.get(b"authorization", "").partition(" ")
    if scheme.lower() == "token":
        return Credentials(token=secret.strip())
    cookies = parse_cookie(values.get(b"cookie", ""))
    return Credentials(session_key=cookies.get(settings.SESSION_COOKIE_NAME, ""))


def identify(credentials: Credentials) -> User | None:
    """Return the active user of valid credentials, else None.

    The session of a one-time password opens no stream before the password is changed.
    """
    if credentials.token:
        token = find_valid_token(credentials.token)
        return token.user if token else None
    if not credentials.session_key:
        return None
    request = HttpRequest()
    store: Any = import_module(settings.SESSION_ENGINE).SessionStore
    request.session = store(credentials.session_key)
    user = get_user(request)
    return user if isinstance(user, User) and not user.must_change_password else None


def visible_topics(user: User, topics: Collection[Topic]) -> set[Topic]:
    """Return those of the topics that a user may follow."""
    ids: dict[str, list[UUID]] = {"project": [], "job": []}
    for topic in topics:
        ids[topic.kind].append(topic.id)
    projects = projects_visible_to(user).filter(pk__in=ids["project"]) if ids["project"] else ()
    jobs = jobs_visible_to(user).filter(pk__in=ids["job"]) if ids["job"] else ()
    return {Topic("project", row.pk) for row in projects} | {Topic("job", row.pk) for row in jobs}


def check_again(listeners: Mapping[Credentials, Collection[Topic]]) -> dict[Credentials, set[Topic]]:
    """Return the topics that each of the credentials still grants; none for ended credentials."""
    allowed: dict[Credentials, set[Topic]] = {}
    for credentials, topics in listeners.items():
        user = identify(credentials)
        allowed[credentials] = visible_topics(user, topics) if user else set()
    return allowed
