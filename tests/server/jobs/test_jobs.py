"""Jobs: every legal and illegal step, through the API, the runner and the sweep."""

from __future__ import annotations

import errno
import os
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from ml.contracts import DataError
from ml.messages import Message
from server.core import tasks
from server.core.errors import ContentError, StateError
from server.jobs import services
from server.jobs.models import Job, JobEvent
from server.jobs.runner import run_job
from server.jobs.scratch import scratch_folder
from server.jobs.services import sweep_jobs

pytestmark = pytest.mark.django_db

API = "/api/v1"


@pytest.fixture
def project(project_factory):
    return project_factory(annotator="ann", reviewer="rob", manager="mia")


@pytest.fixture
def work(monkeypatch):
    """Set the function of jobs of the kind "errand", as in ``work(function)``."""

    def does(function, attempts=2):
        kind = tasks.JobKind("errand", "cpu", attempts, function)
        monkeypatch.setitem(tasks._kinds, "errand", kind)

    does(lambda run: {"done": run.input})
    return does


@pytest.fixture
def errand(project, user_factory, work, django_capture_on_commit_callbacks):
    """Create a job that the reviewer started."""

    def make(username="rob", **values):
        return services.create_job(
            actor=user_factory(username), kind="errand", title=Message("verbatim", text="An errand"),
            queue="cpu",
            input={"what": "milk"}, project=values.pop("project", project), **values,
        )  # fmt: skip

    return make


def state_of(job):
    return Job.objects.get(pk=job.pk).state


def told(job, kind="state"):
    events = JobEvent.objects.filter(job=job, kind=kind).order_by("id")
    return [event.data["state"] if kind == "state" else event.data["message"]["text"] for event in events]


def test_a_job_runs_once_whatever_comes_twice(errand, work):
    count = []
    work(lambda run: count.append(1) or {"what": run.input["what"]})
    job = errand()
    for _ in range(3):
        run_job(job.pk, with_heart=False)
    job.refresh_from_db()
    assert (job.state, job.progress, job.attempt, job.result) == ("succeeded", 1.0, 1, {"what": "milk"})
    assert job.created_at <= job.started_at <= job.finished_at
    assert told(job) == ["queued", "running", "succeeded"]
    assert count == [1]


def test_a_message_for_a_job_that_is_not_there_does_nothing(db):
    run_job("00000000-0000-0000-0000-000000000000", with_heart=False)
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (
            ContentError(Message("verbatim", text="The milk is sour."), code="sour"),
            "sour",
            "The milk is sour.",
        ),
        (
            DataError(Message("verbatim", text="The bottle is empty."), code="empty"),
            "empty",
            "The bottle is empty.",
        ),
        (ZeroDivisionError("secret/path"), "internal_error", "did not foresee"),
        (OSError(errno.ENOSPC, "No space left", "secret/path"), "no_space", "make room"),
        (OSError(errno.EACCES, "Not allowed", "secret/path"), "internal_error", "did not foresee"),
    ],
)
def test_a_failure_is_told_in_words(errand, work, api, user_factory, error, code, sentence):
    def fail(_run):
        raise error

    work(fail)
    job = errand()
    run_job(job.pk, with_heart=False)
    body = api(user_factory("ann")).get(f"{API}/jobs/{job.pk}").json()
    assert (body["state"], body["error_code"]) == ("failed", code)
    assert sentence in body["error"]["text"]
    assert "secret/path" not in body["error"]["text"]
    assert told(job)[-1] == "failed"


def test_every_step_that_is_not_in_the_table_is_refused():
    for state in Job.State:
        for target in Job.State:
            job = Job(state=state)
            if target not in Job.TRANSITIONS[state]:
                with pytest.raises(StateError, match="cannot go from"):
                    services._move(job, target)
    assert Job.TRANSITIONS[Job.State.SUCCEEDED] == set()


def test_progress_is_told_and_never_leaves_its_bounds(errand, work, monkeypatch):
    monkeypatch.setattr("server.jobs.runner.REPORT_EVERY_SECONDS", 0)

    def go(run):
        for share in (-1, 0.25, 0.25, 7):
            run.report(share, Message("verbatim", text="half way"))

    work(go)
    job = errand()
    run_job(job.pk, with_heart=False)
    shares = JobEvent.objects.filter(job=job, kind="progress").values_list("data__progress", flat=True)
    assert list(shares) == [0.0, 0.25, 1.0]


def test_a_queued_job_is_cancelled_at_once_and_never_runs(errand, work, api, user_factory):
    work(lambda _: pytest.fail("a cancelled job ran"))
    job = errand()
    body = api(user_factory("mia")).post(f"{API}/jobs/{job.pk}/cancel").json()
    assert (body["state"], body["can_cancel"], body["can_retry"]) == ("cancelled", False, True)
    run_job(job.pk, with_heart=False)
    assert told(job) == ["queued", "cancelled"]


def test_a_running_job_is_cancelled_at_its_next_word(errand, work, api, user_factory, monkeypatch):
    monkeypatch.setattr("server.jobs.runner.REPORT_EVERY_SECONDS", 0)
    reached = []

    def go(run):
        assert api(user_factory("rob")).post(f"{API}/jobs/{run.job.pk}/cancel").status_code == 200
        reached.append("before")
        run.report(0.5)
        reached.append("after")

    work(go)
    job = errand()
    run_job(job.pk, with_heart=False)
    assert (state_of(job), reached) == ("cancelled", ["before"])


@pytest.mark.parametrize("state", Job.FINAL)
def test_an_ended_job_is_not_cancelled(errand, api, user_factory, state):
    job = errand()
    Job.objects.filter(pk=job.pk).update(state=state)
    answer = api(user_factory("mia")).post(f"{API}/jobs/{job.pk}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (422, "job_ended")


def test_only_what_failed_or_was_cancelled_is_tried_again(errand, work, api, user_factory):
    mia = api(user_factory("mia"))

    def fail(_run):
        raise ContentError(Message("verbatim", text="no"))

    work(fail)
    job = errand()
    address = f"{API}/jobs/{job.pk}/retry"
    assert mia.post(address).json()["code"] == "job_not_ended"
    run_job(job.pk, with_heart=False)
    assert state_of(job) == "failed"
    work(lambda _: "well")
    body = mia.post(address).json()
    assert (body["state"], body["error_code"], body["error"]) == ("queued", "", None)
    assert (body["progress"], body["started_at"], body["finished_at"]) == (0, None, None)
    run_job(job.pk, with_heart=False)
    assert mia.post(address).json()["code"] == "job_not_ended"
    assert told(job) == ["queued", "running", "failed", "queued", "running", "succeeded"]


def lapse(job):
    Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - timedelta(hours=1))


def test_a_job_whose_worker_died_is_given_to_another_and_at_last_fails(errand, work):
    work(lambda _: None, attempts=2)
    job = errand()
    services.start_job(job.pk)
    assert sweep_jobs() == {"taken_back": 0, "sent_again": 0}
    lapse(job)
    assert sweep_jobs()["taken_back"] == 1
    assert state_of(job) == "queued"
    services.start_job(job.pk)
    lapse(job)
    assert sweep_jobs()["taken_back"] == 1
    job.refresh_from_db()
    assert (job.state, job.error_code, job.attempt) == ("failed", "worker_lost", 2)
    assert told(job, "log") == ["The worker of this job stopped answering."] * 2
    assert sweep_jobs()["taken_back"] == 0


def test_a_cancelled_job_whose_worker_died_is_cancelled(errand, api, user_factory):
    job = errand()
    services.start_job(job.pk)
    api(user_factory("mia")).post(f"{API}/jobs/{job.pk}/cancel")
    lapse(job)
    sweep_jobs()
    assert state_of(job) == "cancelled"


def test_a_worker_that_was_given_up_cannot_end_the_job_of_its_successor(errand):
    job = errand()
    first = services.start_job(job.pk)
    lapse(job)
    sweep_jobs()
    second = services.start_job(job.pk)
    assert not services.finish_job(first, Job.State.SUCCEEDED, result="old")
    assert services.finish_job(second, Job.State.SUCCEEDED, result="new")
    assert Job.objects.get(pk=job.pk).result == "new"


def test_a_worker_that_was_given_up_stays_so_after_a_retry(errand, work, api, user_factory):
    """The attempts of a job are never numbered twice, or an old worker could write for a new one."""
    work(lambda _: None, attempts=1)
    job = errand()
    first = services.start_job(job.pk)
    lapse(job)
    sweep_jobs()
    assert state_of(job) == "failed"
    assert api(user_factory("mia")).post(f"{API}/jobs/{job.pk}/retry").status_code == 200
    second = services.start_job(job.pk)
    assert not services.finish_job(first, Job.State.SUCCEEDED, result="old")
    assert state_of(job) == "running"
    # And the retry has as many attempts as the first time.
    lapse(job)
    sweep_jobs()
    assert state_of(job) == "failed"
    assert second.attempt > first.attempt


def test_the_heart_beats_while_the_work_is_silent(errand, work, settings, monkeypatch):
    from server.jobs import runner

    settings.JOB_HEARTBEAT_SECONDS = 0.01
    job = errand()
    started = services.start_job(job.pk)
    heart = runner._Heart(started)
    beaten = []

    def beat(beating):
        beaten.append(beating.pk)
        heart._stopped.set()

    # The thread has a connection of its own, which cannot see this test's transaction.
    monkeypatch.setattr(runner, "store_heartbeat", beat)
    heart.start()
    heart.join(5)
    assert not heart.is_alive()
    assert beaten == [job.pk]
    lapse(job)
    services.store_heartbeat(started)
    job.refresh_from_db()
    assert job.heartbeat_at > started.heartbeat_at


def test_old_news_is_dropped_and_nothing_else(errand, project):
    job = errand()
    for _ in range(2):
        JobEvent.objects.create(project=project, kind="news", data={"topic": "verdict"})
    newest = JobEvent.objects.filter(kind="news").latest("id")
    story = job.events.count()
    JobEvent.objects.exclude(pk=newest.pk).update(at=timezone.now() - timedelta(days=2))
    sweep_jobs()
    assert list(JobEvent.objects.filter(kind="news")) == [newest]
    assert job.events.count() == story > 0


def test_a_lost_message_is_sent_again(errand, monkeypatch):
    sent = []
    monkeypatch.setattr(services, "send", lambda job: sent.append(job.pk) or True)
    never, long_ago, just_now, running = (errand() for _ in range(4))
    Job.objects.filter(pk=long_ago.pk).update(dispatched_at=timezone.now() - timedelta(minutes=5))
    Job.objects.filter(pk=just_now.pk).update(dispatched_at=timezone.now())
    services.start_job(running.pk)
    assert sweep_jobs() == {"taken_back": 0, "sent_again": 2}
    assert set(sent) == {never.pk, long_ago.pk}


def test_a_job_that_waits_for_long_is_sent_ever_more_rarely(errand, monkeypatch):
    sent = []

    def send(job):
        sent.append(job.pk)
        Job.objects.filter(pk=job.pk).update(dispatched_at=services.timezone.now())
        return True

    monkeypatch.setattr(services, "send", send)
    begin = timezone.now()
    monkeypatch.setattr(services.timezone, "now", lambda: begin + timedelta(seconds=elapsed))
    elapsed = 0
    errand()
    for elapsed in range(0, 8 * 3600, 10):  # noqa: B007 - the clock
        sweep_jobs()
    # Every 30 seconds would be 960 messages.
    assert 48 <= len(sent) <= 60


def test_a_job_that_was_handed_back_is_sent_again_as_soon_as_a_new_one(errand, monkeypatch):
    sent = []
    monkeypatch.setattr(services, "send", lambda job: sent.append(job.pk) or True)
    now = timezone.now()
    job = errand()
    Job.objects.filter(pk=job.pk).update(
        created_at=now - timedelta(hours=1),
        heartbeat_at=now - timedelta(seconds=45),
        dispatched_at=now - timedelta(seconds=40),
    )
    sweep_jobs()
    assert sent == [job.pk]


def test_a_broker_that_is_away_fails_no_request(errand, monkeypatch, settings, capsys):
    from celery import current_app

    from server.jobs import dispatch

    def away(*_, **__):
        raise ConnectionError("the broker is away")

    monkeypatch.setattr(current_app, "send_task", away)
    job = errand()
    assert dispatch.send(job) is False
    assert Job.objects.get(pk=job.pk).dispatched_at is None


def test_members_see_jobs_and_creators_and_managers_steer_them(errand, api, user_factory):
    job = errand("rob")
    address = f"{API}/jobs/{job.pk}"
    expected = {"ann": (200, 403), "rob": (200, 200), "mia": (200, 422), "stranger": (404, 404)}
    for username, (see, cancel) in expected.items():
        client = api(user_factory(username))
        assert client.get(address).status_code == see
        assert client.get(f"{API}/jobs").json()["count"] == (see == 200)
        if see == 200 and username == "ann":
            assert client.get(address).json()["can_cancel"] is False
        assert client.post(f"{address}/cancel").status_code == cancel
    stranger = api(user_factory("stranger"))
    assert stranger.post(f"{address}/retry").status_code == 404
    assert api(user_factory("boss", administrator=True)).get(address).json()["can_retry"] is True


def test_a_job_without_a_project_is_its_makers(errand, api, user_factory):
    job = errand("rob", project=None)
    assert api(user_factory("rob")).get(f"{API}/jobs/{job.pk}").status_code == 200
    assert api(user_factory("mia")).get(f"{API}/jobs/{job.pk}").status_code == 404


def test_a_person_who_left_the_project_sees_none_of_its_jobs(errand, api, user_factory, project):
    mine, other = errand("rob"), errand("mia")
    project.memberships.filter(user=user_factory("rob")).delete()
    rob = api(user_factory("rob"))
    assert rob.get(f"{API}/jobs").json()["results"] == []
    for job in (mine, other):
        assert rob.get(f"{API}/jobs/{job.pk}").status_code == 404
        assert rob.post(f"{API}/jobs/{job.pk}/cancel").status_code == 404


def test_filters_of_the_list(errand, api, user_factory, project, project_factory):
    one = errand(subject=project)
    errand(project=project_factory("Other", manager="mia"))
    client = api(user_factory("mia"))

    def count(**query):
        answer = client.get(f"{API}/jobs", query)
        assert answer.status_code == 200
        return answer.json()["count"]

    assert count() == 2
    assert count(project=str(project.pk)) == 1
    assert count(subject_id=one.subject_id) == 1
    assert count(kind="nothing") == 0
    assert count(state="running") == 0
    assert client.get(f"{API}/jobs", {"project": "x"}).status_code == 400


def test_the_scratch_folder_stays_a_day_after_a_failure_and_not_after_a_success(errand, work):
    def writes(run):
        (run.scratch / "checkpoint").write_text("half")
        if run.input["what"] == "milk" and run.job.attempt == 1:
            raise DataError(Message("verbatim", text="None."), code="no_tissue")
        return {"found": (run.scratch / "checkpoint").read_text()}

    work(writes)
    job = errand()
    run_job(job.pk, with_heart=False)
    folder = scratch_folder(job)
    assert (folder / "checkpoint").is_file()
    sweep_jobs()
    assert folder.is_dir()
    services.retry_job(actor=job.created_by, job=job)
    run_job(job.pk, with_heart=False)
    assert state_of(job) == "succeeded"
    assert not folder.exists()

    other = errand()
    run_job(other.pk, with_heart=False)
    kept = scratch_folder(other)
    Job.objects.filter(pk=other.pk).update(finished_at=timezone.now() - timedelta(days=2))
    running = scratch_folder(errand())
    being_made, long_gone = running.with_name(str(uuid4())), running.with_name(str(uuid4()))
    for folder in (being_made, long_gone):
        folder.mkdir()
    old = (timezone.now() - timedelta(days=2)).timestamp()
    os.utime(long_gone, (old, old))
    sweep_jobs()
    assert not kept.exists()
    assert not long_gone.exists()
    assert running.is_dir()
    assert being_made.is_dir()
