"""The turns of ``quickloop.service`` in a separate process; prints their seconds as a JSON list."""

from __future__ import annotations

import json
import sys
import time
import uuid


def main(turns: int) -> None:
    """Prepare a project with the mosaic and its truth, then run the turns."""
    import django

    django.setup()
    from django.core.management import call_command

    from server.config.demo import DEMO_PASSWORD, ensure_first_users
    from server.jobs import services as job_services
    from tests.bench.harness import data_folder

    call_command("migrate", verbosity=0, interactive=False)
    # Jobs run here and now instead of going to a worker.
    job_services.send = lambda _job: True
    ensure_first_users(DEMO_PASSWORD)
    import server.config.celery

    server.config.celery.app.loader.import_default_modules()
    from server.accounts.models import User
    from server.exchange.imports.options import ImportOptions
    from server.exchange.imports.services import import_shapes
    from server.projects.services import create_project
    from server.slides.models import Slide

    actor = User.objects.get(username="admin")
    project = create_project(actor=actor, name="Bench", description="")
    folder = data_folder() / "slides"
    call_command("import_slides", str(folder / "colorectal-mosaic.tif"), project=str(project.pk), verbosity=0)
    _run_jobs()
    slide = Slide.objects.get(project=project)
    truth = (folder / "colorectal-mosaic-truth.geojson").read_bytes()
    import_shapes(
        actor=actor,
        slide=slide,
        content=truth,
        filename="truth.geojson",
        options=ImportOptions(create_labels=True),
    )
    seconds = [_turn(actor, project, slide, number) for number in range(turns + 1)]
    print(json.dumps(seconds[1:]))


def _turn(actor, project, slide, number: int) -> float:
    from server.annotations.services import Change, apply_changes
    from server.learning.services import start_round
    from server.objects.models import ObjectSet

    left, top = 40 + 230 * number, 40
    ring = [[left, top], [left + 60, top], [left + 60, top + 60], [left, top + 60], [left, top]]
    values = {
        "label_id": project.labels.order_by("order").first().pk,
        "shape": "polygon",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    began = time.perf_counter()
    apply_changes(actor=actor, slide=slide, changes=[Change("create", uuid.uuid4(), values=values)])
    start_round(actor=actor, project=project, recipe="descriptors")
    _run_jobs()
    taken = time.perf_counter() - began
    newest = ObjectSet.objects.filter(slide=slide, state="ready").latest("created_at")
    assert newest.count > 0, "a turn made no suggestions"
    return taken


def _run_jobs() -> None:
    from server.jobs.models import Job
    from server.jobs.runner import run_job

    while job := Job.objects.filter(state=Job.State.QUEUED).order_by("created_at").first():
        run_job(job.pk, with_heart=False)
        job.refresh_from_db()
        assert job.state == Job.State.SUCCEEDED, job.error


if __name__ == "__main__":
    main(int(sys.argv[1]))
