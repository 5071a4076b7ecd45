"""Permissions on object sets: reviewers import and withdraw them; members propose viewed regions."""

from __future__ import annotations

from typing import Final

from server.accounts.models import User
from server.objects.models import ObjectSet
from server.projects.models import Project, Role
from server.projects.policies import RolePolicy

object_set_policy: Final = RolePolicy(
    {
        "make": Role.REVIEWER,
        "propose": Role.ANNOTATOR,
        "withdraw": Role.REVIEWER,
    }
)


def require_may_make_set(actor: User, project: Project, source: str) -> None:
    """Raise unless the actor may create an object set of this source, see ``ObjectSet.Source``."""
    object_set_policy.require(actor, project, "propose" if source == ObjectSet.Source.GAZE else "make")
