"""Object sets of phantoms in the database of a tree. Import it once Django is set up.

It uses only what earlier commits have as well, so that a benchmark can fill their tables.
"""

from __future__ import annotations

import uuid
from pathlib import Path

from django.conf import settings

from server.accounts.models import User
from server.objects import services as objects
from server.objects.models import ObjectSet
from server.objects.storage import object_set_key
from server.projects.models import Label, Project
from server.slides.models import Case, Slide
from tests.bench.rigs.objects_phantom import HEIGHT, LABELS, WIDTH, write_phantom


def make_labels(project: Project) -> list[Label]:
    """Create the labels of the phantom in a project."""
    return [
        Label.objects.create(project=project, name=name, colour="#0072b2", order=number)
        for number, name in enumerate(LABELS)
    ]


def make_object_set(actor: User, project: Project, labels: list[Label], name: str, count: int) -> ObjectSet:
    """Create a case, a ready slide without pixels, and a set of ``count`` objects on it."""
    slide = Slide.objects.create(
        project=project,
        case=Case.objects.create(project=project, pseudonym=f"case {name}"),
        name=f"slide {name}",
        created_by=actor,
        state=Slide.State.READY,
        sha256=uuid.uuid4().hex * 2,
        width=WIDTH,
        height=HEIGHT,
        tile_size=256,
        level_count=9,
        size_bytes=1,
    )
    rows = [{"label_id": str(label.pk), "name": label.name, "colour": label.colour} for label in labels]
    made = objects.begin_object_set(actor=actor, slide=slide, name="model", source="model", labels=rows)
    key = object_set_key(made.pk, 1)
    path = Path(settings.STORAGE_ROOT) / key
    path.parent.mkdir(parents=True, exist_ok=True)
    write_phantom(path, count)
    return objects.finish_object_set(actor=actor, object_set=made, key=key, count=count, summary={})
