"""Permissions on object sets. Deny by default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from server.accounts.models import User
from server.objects.models import ObjectSet
from server.projects.models import Project, Role
from server.projects.policies import require_role


class ObjectSetPolicy:
    """Every member may read; reviewers start runs and import files that make sets.

    Where somebody looked is a proposal that every member may bring for review.
    """

    roles: ClassVar[Mapping[str, Role]] = {
        "view": Role.ANNOTATOR,
        "make": Role.REVIEWER,
        "propose": Role.ANNOTATOR,
        "withdraw": Role.REVIEWER,
    }

    def require(self, actor: User, project: Project, action: str) -> None:
        """Raise NotVisibleError or NotAllowedError unless the actor has the permission."""
        require_role(actor, project, self.roles[action])

    def require_may_make(self, actor: User, project: Project, source: str) -> None:
        """Raise unless the actor may make sets of this source, see ``ObjectSet.Source``."""
        self.require(actor, project, "propose" if source == ObjectSet.Source.GAZE else "make")


object_set_policy: Final = ObjectSetPolicy()
