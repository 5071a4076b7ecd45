"""Session store and sign-in backend that read by prepared queries."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.utils import timezone

from server.accounts.models import User
from server.accounts.selectors import find_session, find_user


class SessionStore(db.SessionStore):
    """Django's store of sessions in the database, with a prepared query."""

    def _get_session_from_db(self) -> Session | None:
        session = find_session(self.session_key)
        if session is not None and session.expire_date > timezone.now():
            return session
        self._session_key = None
        return None


class PasswordBackend(ModelBackend):
    """Django's sign-in by user name and password, with a prepared query."""

    def get_user(self, user_id: Any) -> User | None:
        """Return the active user with this id."""
        user = find_user(user_id)
        return user if user is not None and self.user_can_authenticate(user) else None
