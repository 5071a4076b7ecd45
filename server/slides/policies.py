"""Permissions on slides. Deny by default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from server.accounts.models import User
from server.projects.models import Project, Role
from server.projects.policies import reaches, require_role, role_in


class SlidePolicy:
    """Every member may read, diagnose and set progress; managers import, change and delete."""

    roles: ClassVar[Mapping[str, Role]] = {
        "view": Role.ANNOTATOR,
        "mark_progress": Role.ANNOTATOR,
        "diagnose": Role.ANNOTATOR,
        "describe_case": Role.ANNOTATOR,
        "register": Role.ANNOTATOR,
        "map_quality": Role.ANNOTATOR,
        "map_all_quality": Role.MANAGER,
        "add": Role.MANAGER,
        "edit": Role.MANAGER,
        "delete": Role.MANAGER,
    }

    def require(self, actor: User, project: Project, action: str) -> None:
        """Raise NotVisibleError or NotAllowedError unless the actor has the permission."""
        require_role(actor, project, self.roles[action])

    def allows(self, actor: User, project: Project, action: str) -> bool:
        """Return whether the actor has the permission."""
        return reaches(role_in(actor, project), self.roles[action])


slide_policy: Final = SlidePolicy()
