"""Permissions on annotations. Deny by default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from ml.contracts import Sentence
from server.accounts.models import User
from server.annotations.errors import NotYoursError
from server.annotations.models import Annotation
from server.projects.models import Project, Role
from server.projects.policies import reaches, require_role


class AnnotationPolicy:
    """Every member draws; reviewers and managers change shapes of others."""

    roles: ClassVar[Mapping[str, Role]] = {
        "view": Role.ANNOTATOR,
        "draw": Role.ANNOTATOR,
        "declare_finished": Role.ANNOTATOR,
        "edit_others": Role.REVIEWER,
    }

    def require(self, actor: User, project: Project, action: str) -> Role:
        """Return the actor's role; raises NotVisibleError or NotAllowedError."""
        return require_role(actor, project, self.roles[action])

    def require_edit(self, actor: User, role: Role, annotation: Annotation) -> None:
        """Raise NotYoursError unless the actor drew the shape or has the role to edit those of others."""
        if annotation.author_id != actor.pk and not reaches(role, self.roles["edit_others"]):
            message = Sentence(
                "drawn_by_another",
                "Somebody else drew this. Ask a reviewer to change it, or draw your own beside it.",
            )
            raise NotYoursError(message)


annotation_policy: Final = AnnotationPolicy()
