"""Who may do what with slides. What is not listed is denied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from server.accounts.models import User
from server.projects.models import Project, Role
from server.projects.policies import require_role


class SlidePolicy:
    """Every member may look, diagnose and say how far they are; managers bring, change and remove."""

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
        """Raise NotVisibleError or NotAllowedError unless the actor may do this."""
        require_role(actor, project, self.roles[action])


slide_policy: Final = SlidePolicy()
