"""Permissions on prediction runs: reviewers and managers start them."""

from __future__ import annotations

from typing import Final

from server.projects.models import Role
from server.projects.policies import RolePolicy

prediction_policy: Final = RolePolicy(
    {
        "start": Role.REVIEWER,
    }
)
