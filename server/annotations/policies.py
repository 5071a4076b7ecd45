"""Permissions on annotations: members draw; reviewers and managers change shapes of others."""

from __future__ import annotations

from typing import Final

from ml.messages import Message
from server.accounts.models import User
from server.annotations.errors import NotYoursError
from server.annotations.models import Annotation
from server.projects.models import Role
from server.projects.policies import RolePolicy

annotation_policy: Final = RolePolicy(
    {
        "draw": Role.ANNOTATOR,
        "declare_finished": Role.ANNOTATOR,
        "edit_others": Role.REVIEWER,
    }
)


def require_may_edit(actor: User, role: Role, annotation: Annotation) -> None:
    """Raise NotYoursError unless the actor drew the shape or has the role to edit those of others."""
    if annotation.author_id != actor.pk and not annotation_policy.includes(role, "edit_others"):
        message = Message(
            "drawn_by_another",
        )
        raise NotYoursError(message)
