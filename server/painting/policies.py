"""Permissions on live paintings: whoever draws sees what the strokes teach."""

from __future__ import annotations

from typing import Final

from server.projects.models import Role
from server.projects.policies import RolePolicy

painting_policy: Final = RolePolicy({"paint": Role.ANNOTATOR})
