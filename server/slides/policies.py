"""Permissions on slides: members diagnose and set progress; managers import, change and delete."""

from __future__ import annotations

from typing import Final

from server.projects.models import Role
from server.projects.policies import RolePolicy

slide_policy: Final = RolePolicy(
    {
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
)
