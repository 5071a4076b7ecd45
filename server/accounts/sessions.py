"""Sessions in the database, and the user of a session, each read by one prepared query."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.backends import ModelBackend
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.utils import timezone

from server.accounts.models import User
from server.core.prepared import PreparedQuery

_session_by_key = PreparedQuery(lambda key: Session.objects.filter(session_key=key), str)
_user_by_id = PreparedQuery(lambda key: User.objects.filter(pk=key), UUID)


class SessionStore(db.SessionStore):
    """Django's store of sessions in the database, with a prepared query."""

    def _get_session_from_db(self) -> Session | None:
        session = _session_by_key.first(self.session_key)
        if session is not None and session.expire_date > timezone.now():
            return session
        self._session_key = None
        return None


class PasswordBackend(ModelBackend):
    """Django's sign-in by user name and password, with a prepared query."""

    def get_user(self, user_id: Any) -> User | None:
        """Return the active user with this id."""
        user = _user_by_id.first(user_id)
        return user if user is not None and self.user_can_authenticate(user) else None
