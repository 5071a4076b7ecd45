"""Permissions on model versions: managers upload weights and choose the current version."""

from __future__ import annotations

from typing import Final

from server.projects.models import Role
from server.projects.policies import RolePolicy

model_version_policy: Final = RolePolicy(
    {
        "view": Role.ANNOTATOR,
        "upload_weights": Role.MANAGER,
        "promote": Role.MANAGER,
        "keep": Role.MANAGER,
        "roll_back": Role.MANAGER,
    }
)
