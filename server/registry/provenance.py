"""Version of the code that made a model version."""

from __future__ import annotations

import functools
import shutil
import subprocess
from importlib import metadata

from django.conf import settings


@functools.cache
def code_version() -> str:
    """Return the commit of the running checkout, else the version of the installed package.

    A checkout with changes that are not committed ends in ``+changes``.
    """
    git = shutil.which("git")
    if git and (settings.ROOT / ".git").exists():
        commit = _git(git, "rev-parse", "--short=12", "HEAD")
        if commit:
            changed = _git(git, "status", "--porcelain", "--untracked-files=no")
            return f"{commit}+changes" if changed else commit
    try:
        return metadata.version("coverslip")
    except metadata.PackageNotFoundError:
        return "unknown"


def _git(git: str, *arguments: str) -> str:
    finished = subprocess.run(  # noqa: S603 - a fixed program with fixed arguments
        [git, "-C", str(settings.ROOT), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )
    return finished.stdout.strip() if finished.returncode == 0 else ""
