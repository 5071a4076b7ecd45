"""Permissions in a project. Deny by default; used by services and the API alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml.messages import Message
from server.core.errors import NotAllowedError, NotVisibleError
from server.projects.models import Project, Role, find_membership

_RANK = {role: rank for rank, role in enumerate(Role)}


def role_in(actor: Any, project: Project) -> Role | None:
    """Return the actor's role; administrators count as managers; None has no access."""
    if not getattr(actor, "is_active", False):
        return None
    if actor.is_superuser:
        return Role.MANAGER
    membership = find_membership(project.pk, actor.pk)
    return Role(membership.role) if membership else None


def reaches(role: Role | None, minimum: Role) -> bool:
    """Return whether a role includes the permissions of ``minimum``."""
    return role is not None and _RANK[role] >= _RANK[minimum]


def require_role(actor: Any, project: Project, minimum: Role) -> Role:
    """Return the actor's role, or raise NotVisibleError (no member) or NotAllowedError (too low)."""
    role = role_in(actor, project)
    if role is None:
        raise NotVisibleError
    if not reaches(role, minimum):
        message = Message(
            "role_needed",
            needed=minimum.label.lower(),
            role=role.label.lower(),
        )
        raise NotAllowedError(message)
    return role


def require_administrator(actor: Any) -> None:
    """Raise NotAllowedError unless the actor administers the site."""
    if not (getattr(actor, "is_active", False) and actor.is_superuser):
        message = Message("only_administrators")
        raise NotAllowedError(message)


@dataclass(frozen=True)
class RolePolicy:
    """Look up the lowest role that each action needs. An action without an entry raises KeyError."""

    minimum_roles: Mapping[str, Role]

    def require(self, actor: Any, project: Project, action: str) -> Role:
        """Return the actor's role, or raise NotVisibleError (no member) or NotAllowedError (too low)."""
        return require_role(actor, project, self.minimum_roles[action])

    def allows(self, actor: Any, project: Project, action: str) -> bool:
        """Return whether the actor may perform the action."""
        return self.includes(role_in(actor, project), action)

    def includes(self, role: Role | None, action: str) -> bool:
        """Return whether a role may perform the action."""
        return reaches(role, self.minimum_roles[action])
