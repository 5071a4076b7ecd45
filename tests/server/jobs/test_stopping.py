"""A worker that is stopped on purpose hands back its jobs without counting the attempt."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from celery.signals import worker_shutting_down
from django.utils import timezone

from ml.messages import Message
from server.core import tasks
from server.jobs import services, stopping
from server.jobs.models import Job
from server.jobs.runner import run_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def worker(monkeypatch):
    """An event: ``worker.set()`` stops the worker, ``worker.clear()`` starts another one."""
    event = threading.Event()
    monkeypatch.setattr(stopping, "_stopping", event)
    monkeypatch.setattr(stopping, "GRACE_SECONDS", 0)
    return event


@pytest.fixture
def errand(project_factory, user_factory, monkeypatch):
    """Queue a job with two attempts, as in ``errand(function)``."""
    project = project_factory(reviewer="rob")

    def make(function, ended=tasks._no_subject):
        kind = tasks.JobKind("errand", "cpu", 2, function, ended=ended)
        monkeypatch.setitem(tasks._kinds, "errand", kind)
        return services.create_job(
            actor=user_factory("rob"), kind="errand", title=Message("verbatim", text="An errand"),
            queue="cpu",
            input={}, project=project,
        )  # fmt: skip

    return make


def work_until_stopped(worker):
    def work(run):
        if run.job.attempt < 4:
            worker.set()
            run.report(0.5)
        return "done"

    return work


def break_down_when_stopped(worker):
    """Raise, as a subprocess of the run was stopped with it."""

    def work(run):
        if run.job.attempt < 4:
            worker.set()
            raise RuntimeError
        return "done"

    return work


@pytest.mark.parametrize("work", [work_until_stopped, break_down_when_stopped])
def test_planned_stops_do_not_fail_a_job(errand, worker, work):
    job = errand(work(worker), ended=lambda *_: pytest.fail("the job has not ended"))
    for attempt in range(1, 4):
        run_job(job.pk, with_heart=False)
        job.refresh_from_db()
        assert (job.state, job.attempt, job.dispatched_at) == ("queued", attempt, None)
        worker.clear()
    # A worker that dies is counted, and only that.
    services.start_job(job.pk)
    Job.objects.update(heartbeat_at=timezone.now() - timedelta(hours=1))
    services.sweep_jobs()
    run_job(job.pk, with_heart=False)
    job.refresh_from_db()
    assert (job.state, job.result) == ("succeeded", "done")


def test_a_worker_that_is_stopping_begins_nothing(errand, worker):
    job = errand(lambda _run: pytest.fail("it began"))
    worker.set()
    run_job(job.pk, with_heart=False)
    assert Job.objects.get(pk=job.pk).state == "queued"


def test_a_run_that_does_not_report_is_handed_back_all_the_same(errand, worker):
    def work(run):
        if run.job.attempt == 1:
            assert stopping._running == {run.job.pk: run.job}
            stopping.hand_back_job(run.job)
        return run.job.attempt

    job = errand(work)
    run_job(job.pk, with_heart=False)
    assert Job.objects.get(pk=job.pk).state == "queued"
    assert stopping._running == {}
    run_job(job.pk, with_heart=False)
    job.refresh_from_db()
    assert (job.state, job.result) == ("succeeded", 2)


def test_a_cancelled_job_is_not_handed_back(errand, worker, user_factory):
    def work(run):
        services.cancel_job(actor=user_factory("rob"), job=run.job)
        worker.set()
        run.check_cancelled()

    job = errand(work)
    run_job(job.pk, with_heart=False)
    assert Job.objects.get(pk=job.pk).state == "cancelled"


def test_celery_says_when_a_worker_is_stopped(worker, monkeypatch):
    handed_back = threading.Event()
    monkeypatch.setattr(stopping, "_hand_back_the_rest", handed_back.set)
    worker_shutting_down.send(sender="cpu", sig="SIGTERM", how="Warm", exitcode=0)
    assert stopping.is_stopping()
    assert handed_back.wait(5)
