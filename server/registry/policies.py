"""Permissions on model versions. Deny by default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from server.accounts.models import User
from server.projects.models import Project, Role
from server.projects.policies import require_role


class ModelVersionPolicy:
    """Every member may read; managers decide on the current version."""

    roles: ClassVar[Mapping[str, Role]] = {
        "view": Role.ANNOTATOR,
        "upload_weights": Role.MANAGER,
        "promote": Role.MANAGER,
        "keep": Role.MANAGER,
        "roll_back": Role.MANAGER,
    }

    def require(self, actor: User, project: Project, action: str) -> None:
        """Raise NotVisibleError or NotAllowedError unless the actor has the permission."""
        require_role(actor, project, self.roles[action])


model_version_policy: Final = ModelVersionPolicy()
