"""An import ends as ready or failed with a message, whatever happens to its job or to its users."""

from __future__ import annotations

import errno
from datetime import timedelta

import pytest
from django.utils import timezone

from server.jobs.models import Job
from server.jobs.runner import run_job
from server.jobs.services import start_job, sweep_jobs
from server.projects.models import Membership
from server.slides.imports import steps as importing
from server.slides.models import Slide
from tests.server.slides.conftest import API, send

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(mia, project, data):
    send(mia, project, data / "broken" / "boxes.tiff")
    return Job.objects.get(kind="import_slide")


def try_again(mia, job, run_jobs):
    assert mia.post(f"{API}/jobs/{job.pk}/retry").status_code == 200
    run_jobs()
    assert Slide.objects.get().state == "ready"


@pytest.mark.parametrize(
    ("error", "code"),
    [(ZeroDivisionError(), "internal_error"), (OSError(errno.ENOSPC, "No space left"), "no_space")],
)
def test_an_import_that_breaks_down_fails_its_slide(mia, job, run_jobs, monkeypatch, error, code):
    def fail(*_):
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(importing, "examine", fail)
        run_jobs()
    slide = Slide.objects.get()
    job.refresh_from_db()
    assert (slide.state, slide.failure_code, slide.failure) == ("failed", code, job.error)
    try_again(mia, job, run_jobs)


def test_an_import_that_is_cancelled_in_the_queue_fails_its_slide(mia, job, run_jobs):
    assert mia.post(f"{API}/jobs/{job.pk}/cancel").status_code == 200
    slide = Slide.objects.get()
    assert (slide.state, slide.failure_code) == ("failed", "import_cancelled")
    try_again(mia, job, run_jobs)


def test_an_import_whose_workers_die_fails_its_slide(mia, job, run_jobs):
    for _ in range(2):
        assert Slide.objects.get().state == "importing"
        start_job(job.pk)
        Job.objects.update(heartbeat_at=timezone.now() - timedelta(hours=1))
        sweep_jobs()
    slide = Slide.objects.get()
    assert (slide.state, slide.failure_code) == ("failed", "worker_lost")
    try_again(mia, job, run_jobs)


@pytest.mark.parametrize("what", ["demoted", "removed", "deactivated"])
@pytest.mark.parametrize("is_good", [True, False])
def test_an_import_ends_when_its_person_may_no_longer_add_slides(
    job, project, user_factory, run_jobs, monkeypatch, what, is_good
):
    membership = Membership.objects.filter(project=project, user=user_factory("mia"))
    if what == "demoted":
        membership.update(role="annotator")
    elif what == "removed":
        membership.delete()
    else:
        membership.get().user.__class__.objects.filter(username="mia").update(is_active=False)

    def fail(*_):
        raise ZeroDivisionError

    if not is_good:
        monkeypatch.setattr(importing, "examine", fail)
    run_job(job.pk, with_heart=False)
    slide = Slide.objects.get()
    assert (slide.state, slide.failure is not None) == (("ready", False) if is_good else ("failed", True))
    # Nothing more begins in the name of that person.
    assert list(Job.objects.values_list("kind", flat=True)) == ["import_slide"]


def test_an_earlier_job_of_a_slide_does_not_fail_the_later_one(mia, job):
    """A person chose another image of the file while the first job was tried again."""
    Slide.objects.update(import_job_id="00000000-0000-0000-0000-000000000001")
    assert mia.post(f"{API}/jobs/{job.pk}/cancel").status_code == 200
    assert Slide.objects.get().state == "importing"
