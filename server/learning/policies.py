"""Permissions on rounds. Deny by default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from server.accounts.models import User
from server.projects.models import Project, Role
from server.projects.policies import require_role


class RoundPolicy:
    """Every member may read, check readiness and request explanations; managers start rounds."""

    roles: ClassVar[Mapping[str, Role]] = {
        "view": Role.ANNOTATOR,
        "check": Role.ANNOTATOR,
        "start": Role.MANAGER,
        "compare": Role.MANAGER,
        "explain": Role.ANNOTATOR,
        "build_atlas": Role.ANNOTATOR,
    }

    def require(self, actor: User, project: Project, action: str) -> None:
        """Raise NotVisibleError or NotAllowedError unless the actor has the permission."""
        require_role(actor, project, self.roles[action])


round_policy: Final = RoundPolicy()
