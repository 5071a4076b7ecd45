"""Permissions on verdicts. Deny by default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from server.accounts.models import User
from server.projects.models import Project, Role
from server.projects.policies import require_role


class ReviewPolicy:
    """Every member may read; reviewers decide; managers undo decisions of others."""

    roles: ClassVar[Mapping[str, Role]] = {
        "view": Role.ANNOTATOR,
        "queue": Role.REVIEWER,
        "decide": Role.REVIEWER,
        "undo_others": Role.MANAGER,
    }

    def require(self, actor: User, project: Project, action: str) -> Role:
        """Return the actor's role; raises NotVisibleError or NotAllowedError."""
        return require_role(actor, project, self.roles[action])


review_policy: Final = ReviewPolicy()
