"""Check readiness of a round in a project with a million decided objects; print the costs as JSON."""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from collections.abc import Callable

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "server.config.settings.development")
django.setup()

import numpy as np  # noqa: E402 - after Django is set up, as all that follows
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402

from ml.objectset import ObjectSet  # noqa: E402
from server.accounts.models import User  # noqa: E402
from server.learning.summaries import set_counts  # noqa: E402
from server.projects.models import Project  # noqa: E402
from server.review.object_selection import ObjectFilter  # noqa: E402
from server.review.services import give_verdict  # noqa: E402
from tests.bench.rigs.object_sets import make_labels, make_object_set  # noqa: E402

SLIDES = 5
TURNS = 30


def main() -> None:
    """Take the number of objects from the command line."""
    count = int(sys.argv[1]) // SLIDES
    call_command("migrate", verbosity=0)
    manager = User.objects.create(username=f"bench {uuid.uuid4()}", is_superuser=True)
    project = Project.objects.create(name="bench")
    labels = make_labels(project)
    sets = [make_object_set(manager, project, labels, str(number), count) for number in range(SLIDES)]
    for made in sets:
        for kind, chosen in (("rejected", ObjectFilter(max_score=0.4)), ("accepted", ObjectFilter())):
            give_verdict(actor=manager, object_set=made, kind=kind, object_filter=chosen)
    client = Client(HTTP_HOST="localhost")
    client.force_login(manager)

    def refuse(*_: object) -> None:
        message = "a request read polygons"
        raise AssertionError(message)

    ObjectSet.geometries = refuse  # type: ignore[method-assign, assignment]

    def ask() -> None:
        answer = client.post(
            f"/api/v1/projects/{project.pk}/rounds/check",
            {"recipe": "descriptors"},
            content_type="application/json",
        )
        assert answer.status_code == 200, answer.content

    changed = iter(range(TURNS))

    def decide() -> None:
        give_verdict(
            actor=manager, object_set=sets[0], kind="rejected", indices=[next(changed)], replaces=10**9
        )

    set_counts.forget()
    first = _milliseconds(ask)
    same = [_milliseconds(ask) for _ in range(TURNS)]
    after = []
    for _ in range(TURNS):
        decide()
        after.append(_milliseconds(ask))
    print(
        json.dumps(
            {
                "first": first,
                "p95": float(np.percentile(same, 95)),
                "after_verdict_p95": float(np.percentile(after, 95)),
            }
        )
    )


def _milliseconds(call: Callable[[], None]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
