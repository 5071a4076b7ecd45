"""A job and its subject end together, whatever ends the job."""

from __future__ import annotations

import errno
from datetime import timedelta

import pytest
from django.utils import timezone

from ml.contracts import CancelledError
from ml.messages import Message
from server.core import tasks
from server.core.errors import ContentError
from server.jobs import services
from server.jobs.models import Job
from server.jobs.runner import run_job
from server.jobs.services import sweep_jobs

pytestmark = pytest.mark.django_db


@pytest.fixture
def errand(project_factory, user_factory, monkeypatch):
    """Queue a job that runs a function: ``errand(function)``; ``ends`` collects the ends of its subject."""
    project = project_factory(reviewer="rob")
    ends = []

    def ended(job, cause):
        ends.append((job.state, job.error_code, type(cause).__name__))

    def make(function=lambda _run: None):
        kind = tasks.JobKind("errand", "cpu", 1, function, ended=ended)
        monkeypatch.setitem(tasks._kinds, "errand", kind)
        return services.create_job(
            actor=user_factory("rob"), kind="errand", title=Message("verbatim", text="An errand"),
            queue="cpu",
            input={}, project=project,
        )  # fmt: skip

    return make, ends


@pytest.mark.parametrize(
    ("error", "state", "code"),
    [
        (ContentError(Message("verbatim", text="Sour."), code="sour"), "failed", "sour"),
        (ZeroDivisionError(), "failed", "internal_error"),
        (OSError(errno.ENOSPC, "No space left"), "failed", "no_space"),
        (CancelledError(), "cancelled", ""),
    ],
)
def test_an_exception_ends_job_and_subject(errand, error, state, code):
    make, ends = errand

    def fail(_run):
        raise error

    job = make(fail)
    run_job(job.pk, with_heart=False)
    assert Job.objects.get(pk=job.pk).state == state
    assert ends == [(state, code, type(error).__name__)]


def test_a_job_that_is_cancelled_in_the_queue_ends_its_subject(errand, user_factory):
    make, ends = errand
    services.cancel_job(actor=user_factory("rob"), job=make())
    assert ends == [("cancelled", "", "NoneType")]


@pytest.mark.parametrize(("is_cancelled", "state"), [(False, "failed"), (True, "cancelled")])
def test_a_job_that_its_worker_lost_ends_its_subject(errand, user_factory, is_cancelled, state):
    make, ends = errand
    job = make()
    services.start_job(job.pk)
    if is_cancelled:
        services.cancel_job(actor=user_factory("rob"), job=job)
    Job.objects.update(heartbeat_at=timezone.now() - timedelta(hours=1))
    sweep_jobs()
    assert ends == [(state, "" if is_cancelled else "worker_lost", "NoneType")]


def test_a_job_that_succeeds_or_waits_for_another_worker_ends_nothing(errand, monkeypatch):
    make, ends = errand
    run_job(make().pk, with_heart=False)
    job = make()
    monkeypatch.setitem(tasks._kinds, "errand", tasks.JobKind("errand", "cpu", 2, print, ended=print))
    services.start_job(job.pk)
    Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - timedelta(hours=1))
    assert sweep_jobs()["taken_back"] == 1
    assert ends == []


def test_a_subject_that_cannot_be_ended_keeps_no_other_job_from_its_end(errand, monkeypatch):
    make, ends = errand
    stuck, other = make(), make()
    for job in (stuck, other):
        services.start_job(job.pk)
    kind = tasks._kinds["errand"]

    def ended(job, cause):
        if job.pk == stuck.pk:
            raise ZeroDivisionError
        kind.ended(job, cause)

    monkeypatch.setitem(tasks._kinds, "errand", tasks.JobKind("errand", "cpu", 1, print, ended=ended))
    Job.objects.update(heartbeat_at=timezone.now() - timedelta(hours=1))
    assert sweep_jobs()["taken_back"] == 1
    assert ends == [("failed", "worker_lost", "NoneType")]
    assert Job.objects.get(pk=stuck.pk).state == "running"


def test_every_process_that_ends_jobs_knows_their_kinds():
    """A web process cancels queued jobs; it never runs one."""
    import subprocess
    import sys
    from pathlib import Path

    script = (
        "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'server.config.settings.testing';"
        "import server.config.asgi; from server.core.tasks import job_kinds; print(*sorted(job_kinds()))"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True
    )
    assert {"import_slide", "import_objects", "run_prediction", "run_round"} <= set(done.stdout.split())
