"""Who may let a model look at slides. What is not listed is denied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from server.accounts.models import User
from server.projects.models import Project, Role
from server.projects.policies import require_role


class PredictionPolicy:
    """Every member may look at runs; reviewers and managers start them."""

    roles: ClassVar[Mapping[str, Role]] = {
        "view": Role.ANNOTATOR,
        "start": Role.REVIEWER,
    }

    def require(self, actor: User, project: Project, action: str) -> None:
        """Raise NotVisibleError or NotAllowedError unless the actor may do this."""
        require_role(actor, project, self.roles[action])


prediction_policy: Final = PredictionPolicy()
