"""Permissions on prediction runs. Deny by default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from server.accounts.models import User
from server.projects.models import Project, Role
from server.projects.policies import reaches, require_role, role_in


class PredictionPolicy:
    """Every member may read runs; reviewers and managers start them."""

    roles: ClassVar[Mapping[str, Role]] = {
        "view": Role.ANNOTATOR,
        "start": Role.REVIEWER,
    }

    def require(self, actor: User, project: Project, action: str) -> None:
        """Raise NotVisibleError or NotAllowedError unless the actor has the permission."""
        require_role(actor, project, self.roles[action])

    def allows(self, actor: User, project: Project, action: str) -> bool:
        """Return whether the actor may do this."""
        return reaches(role_in(actor, project), self.roles[action])


prediction_policy: Final = PredictionPolicy()
