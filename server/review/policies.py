"""Permissions on verdicts: reviewers decide; managers undo decisions of others."""

from __future__ import annotations

from typing import Final

from server.projects.models import Role
from server.projects.policies import RolePolicy

review_policy: Final = RolePolicy(
    {
        "queue": Role.REVIEWER,
        "decide": Role.REVIEWER,
        "undo_others": Role.MANAGER,
    }
)
