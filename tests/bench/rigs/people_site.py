"""Fill the database of a tree with a project and signed-in people; print ids and sessions as JSON.

Runs in the tree that is measured, so that an earlier commit fills its own tables.
"""

from __future__ import annotations

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "server.config.settings.development")
django.setup()

import numpy as np  # noqa: E402 - after Django is set up, as all that follows
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402

from server.accounts.models import User  # noqa: E402
from server.annotations.models import Annotation  # noqa: E402
from server.projects.models import Label, Project  # noqa: E402
from server.slides.models import Slide  # noqa: E402
from tests.bench.rigs.object_sets import make_labels, make_object_set  # noqa: E402
from tests.bench.rigs.objects_phantom import HEIGHT, WIDTH  # noqa: E402

SLIDES = 10
OBJECTS = 20_000
DRAWN = 2_000


def main() -> None:
    """Fill the database for the number of people in the command line."""
    call_command("migrate", verbosity=0)
    admin = User.objects.create(username="admin", is_superuser=True)
    project = Project.objects.create(name="Busy")
    labels = make_labels(project)
    sites = [_make_slide(admin, project, labels, number) for number in range(SLIDES)]
    print(
        json.dumps(
            {
                "project": str(project.pk),
                "labels": [str(label.pk) for label in labels],
                "slides": sites,
                "objects": OBJECTS,
                "sessions": [_sign_in(project, number) for number in range(int(sys.argv[1]))],
            }
        )
    )


def _make_slide(admin: User, project: Project, labels: list[Label], number: int) -> dict[str, str]:
    made = make_object_set(admin, project, labels, str(number), OBJECTS)
    places = np.random.default_rng(number).uniform((0, 0), (WIDTH - 100, HEIGHT - 100), (DRAWN, 2))
    Annotation.objects.bulk_create(
        [_make_annotation(admin, made.slide, labels[0], round(x), round(y)) for x, y in places]
    )
    return {"slide": str(made.slide.pk), "set": str(made.pk)}


def _make_annotation(admin: User, slide: Slide, label: Label, x: int, y: int) -> Annotation:
    corners = [[x, y], [x + 90, y], [x + 90, y + 90], [x, y + 90], [x, y]]
    return Annotation(
        slide=slide,
        label=label,
        shape="polygon",
        geometry={"type": "Polygon", "coordinates": [corners]},
        author=admin,
        min_x=x,
        min_y=y,
        max_x=x + 90,
        max_y=y + 90,
        area_px=8100,
    )


def _sign_in(project: Project, number: int) -> str:
    user = User.objects.create(username=f"person{number}")
    project.memberships.create(user=user, role="reviewer")
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value


if __name__ == "__main__":
    main()
