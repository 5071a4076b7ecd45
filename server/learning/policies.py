"""Permissions on rounds: members check readiness and request explanations; managers start rounds."""

from __future__ import annotations

from typing import Final

from server.projects.models import Role
from server.projects.policies import RolePolicy

round_policy: Final = RolePolicy(
    {
        "check": Role.ANNOTATOR,
        "start": Role.MANAGER,
        "compare": Role.MANAGER,
        "explain": Role.ANNOTATOR,
        "build_atlas": Role.ANNOTATOR,
    }
)
