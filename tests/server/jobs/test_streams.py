"""The event stream: complete, resumable, closed to strangers, and cheap in connections and threads."""

from __future__ import annotations

import asyncio
import threading
import uuid

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection
from django.utils import timezone

from ml.messages import Message
from server.accounts.services import create_token
from server.jobs import services
from server.jobs.events import application as events
from server.jobs.events import hub, selectors
from server.jobs.events.log import write_event
from server.jobs.events.topics import Topic
from server.jobs.models import Job, JobEvent
from server.projects.models import Membership
from tests.server.jobs.event_client import OpenStream, event_application, session_header, token_header

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project(project_factory):
    return project_factory(annotator="ann", manager="mia")


def make_job(project, user):
    return services.create_job(
        actor=user,
        kind="errand",
        title=Message("verbatim", text="An errand"),
        queue="cpu",
        input={},
        project=project,
    )


@pytest.fixture
def job(project, user_factory):
    made = make_job(project, user_factory("mia"))
    started = services.start_job(made.pk)
    for number in range(3):
        write_event(
            JobEvent.Kind.LOG,
            {"level": "info", "message": Message("verbatim", text=f"line {number}").as_json()},
            job=made,
        )
    services.finish_job(started, Job.State.SUCCEEDED)
    return made


@pytest.fixture
def cookie(client, user_factory):
    return lambda name: session_header(client.__class__(), user_factory(name))


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(events, "STEP_SECONDS", 0.02)
    monkeypatch.setattr(events, "CHECK_SECONDS", 0.05)


def stream_once(topics, headers, **options):
    """Return (status, messages) of a stream that ends."""

    async def read():
        async with event_application() as application:
            stream = OpenStream(application, topics, headers, **options)
            messages = await stream.end()
            return stream, messages

    return async_to_sync(read)()


async def never():
    """Signals that do not come."""
    await asyncio.sleep(3600)
    yield


def names(messages):
    return [message["name"] for message in messages]


def test_a_finished_job_is_streamed_whole_and_ends(job, cookie):
    stream, messages = stream_once([f"job:{job.pk}"], cookie("ann"))
    assert stream.status == 200
    assert stream.headers[b"content-type"] == b"text/event-stream"
    assert stream.headers[b"cache-control"] == b"no-store"
    assert names(messages) == ["state", "state", "log", "log", "log", "state", "end"]
    numbers = [message["number"] for message in messages[:-1]]
    assert numbers == sorted(set(numbers))


def test_a_broken_stream_resumes_without_loss_or_repetition(job, cookie):
    headers, topic = cookie("ann"), f"job:{job.pk}"
    _, whole = stream_once([topic], headers)
    for place in range(len(whole) - 1):
        number = whole[place]["number"]
        _, rest = stream_once([topic], headers, last=number)
        assert rest == whole[place + 1 :]
        _, same = stream_once([f"{topic}@{number}"], headers)
        assert same == rest


@pytest.mark.parametrize("number", ["", "x", "-5", "²", "1.5", "9" * 30])
def test_a_last_event_that_is_no_number_starts_from_the_beginning(job, cookie, number):
    headers = [*cookie("ann"), (b"last-event-id", number.encode("latin-1"))]
    stream, messages = stream_once([f"job:{job.pk}"], headers)
    assert stream.status == 200
    assert names(messages)[-1] == "end"
    assert names(messages).count("log") == 3


def test_a_long_history_arrives_in_parts(job, cookie, monkeypatch):
    monkeypatch.setattr(hub, "BATCH", 2)
    _, messages = stream_once([f"job:{job.pk}"], cookie("ann"))
    assert names(messages).count("log") == 3


def test_live_events_reach_every_stream_of_their_topic_and_no_other(
    project, project_factory, user_factory, cookie
):
    other = project_factory("Other", manager="max")
    ann, max_ = cookie("ann"), cookie("max")

    @sync_to_async
    def work():
        made = make_job(project, user_factory("mia"))
        write_event(
            JobEvent.Kind.LOG,
            {"level": "info", "message": Message("verbatim", text="only for the job").as_json()},
            job=made,
        )
        services.start_job(made.pk)
        make_job(other, user_factory("max"))
        return str(made.pk)

    async def read():
        async with event_application() as application:
            first = await OpenStream(application, [f"project:{project.pk}"], ann).started()
            second = await OpenStream(application, [f"project:{project.pk}"], ann).started()
            foreign = await OpenStream(application, [f"project:{other.pk}"], max_).started()
            key = await work()
            received = await first.count(2), await second.count(2), await foreign.count(1)
            for stream in (first, second, foreign):
                await stream.leave()
            return key, received

    key, (first, second, foreign) = async_to_sync(read)()
    assert first == second
    assert [(m["name"], m["data"]["event"], m["data"]["job_id"]) for m in first] == [
        ("job", "state", key)
    ] * 2
    assert [m["data"]["kind"] for m in foreign] == ["errand"]
    assert foreign[0]["data"]["job_id"] != key


def test_one_stream_carries_many_topics_each_from_its_own_place(job, project, user_factory, cookie):
    newest = JobEvent.objects.latest("pk").pk
    topics = [f"job:{job.pk}", f"project:{project.pk}@{newest}"]

    async def read():
        async with event_application() as application:
            stream = await OpenStream(application, topics, cookie_).started()
            await stream.until(lambda s: "end" in names(s.messages))
            await sync_to_async(make_job)(project, mia)
            messages = await stream.until(lambda s: "job" in names(s.messages))
            await stream.leave()
            return messages

    cookie_, mia = cookie("ann"), user_factory("mia")
    messages = async_to_sync(read)()
    assert names(messages) == ["state", "state", "log", "log", "log", "state", "end", "job"]


def test_a_running_job_is_followed_to_its_end(project, user_factory, cookie):
    made, headers = make_job(project, user_factory("mia")), cookie("ann")

    @sync_to_async
    def run():
        started = services.start_job(made.pk)
        write_event(
            JobEvent.Kind.LOG,
            {"level": "info", "message": Message("verbatim", text="at work").as_json()},
            job=made,
        )
        services.finish_job(started, Job.State.SUCCEEDED)

    async def read():
        async with event_application() as application:
            stream = await OpenStream(application, [f"job:{made.pk}"], headers).started()
            await stream.count(1)
            await run()
            return await stream.end()

    assert names(async_to_sync(read)()) == ["state", "state", "log", "state", "end"]


def test_a_page_that_was_away_for_long_is_told_to_load_again(job, project, user_factory, cookie, monkeypatch):
    monkeypatch.setattr(selectors, "MOST_REPEATED", 3)
    first = JobEvent.objects.order_by("pk").first().pk
    headers, mia = cookie("ann"), user_factory("mia")

    async def read(topic):
        async with event_application() as application:
            stream = await OpenStream(application, [topic], headers).started()
            await sync_to_async(make_job)(project, mia)
            messages = await stream.until(
                lambda s: any(m["data"].get("state") == "queued" for m in s.messages)
            )
            await stream.leave()
            return names(messages)

    assert async_to_sync(read)(f"project:{project.pk}@{first}") == ["job", "job", "job"]
    for _ in range(3):
        make_job(project, mia)
    assert async_to_sync(read)(f"project:{project.pk}@{first}") == ["missed", "job"]


def test_strangers_and_unknown_topics_get_404_and_nonsense_400(job, project, cookie):
    stranger = cookie("stranger")
    for topic in (f"job:{job.pk}", f"project:{project.pk}", f"job:{project.pk}"):
        assert stream_once([topic], stranger)[0].status == 404
    for query in ("", "topic=", "topic=slide:1", f"topic=job:{job.pk}x", f"topics=job:{job.pk}"):
        stream, _ = stream_once([], stranger, query=query)
        assert (stream.status, b'"invalid_topic"' in stream.body) == (400, True)
    assert stream_once([f"job:{job.pk}"], [])[0].status == 401
    assert stream_once([f"job:{job.pk}"], stranger, method="POST")[0].status == 405


def test_a_topic_without_access_is_denied_and_the_others_go_on(job, project_factory, user_factory, cookie):
    other = project_factory("Other", manager="max")
    _, messages = stream_once([f"job:{job.pk}", f"project:{other.pk}"], cookie("ann"))
    assert messages[0] == {"topic": f"project:{other.pk}", "name": "denied", "number": None, "data": {}}
    assert names(messages)[-1] == "end"


def test_a_program_follows_a_job_with_its_token(job, user_factory):
    _, secret = create_token(actor=user_factory("ann"), name="listener")
    stream, messages = stream_once([f"job:{job.pk}"], token_header(secret))
    assert (stream.status, names(messages)[-1]) == (200, "end")
    assert stream_once([f"job:{job.pk}"], token_header("wrong"))[0].status == 401


def end_session(project, user, client, token):
    client.logout()


def end_membership(project, user, client, token):
    Membership.objects.filter(project=project, user=user).delete()


def end_account(project, user, client, token):
    user.is_active = False
    user.save()


def change_password(project, user, client, token):
    user.set_password("another long password")
    user.save()


def revoke_token(project, user, client, token):
    token.delete()


def expire_token(project, user, client, token):
    token.expires_at = timezone.now()
    token.save()


@pytest.mark.parametrize(
    ("way", "credentials"),
    [
        (end_session, "session"), (end_membership, "session"), (end_account, "session"),
        (change_password, "session"), (revoke_token, "token"), (expire_token, "token"),
        (end_membership, "token"), (end_account, "token"),
    ],
)  # fmt: skip
def test_a_stream_ends_with_the_access_that_opened_it(project, user_factory, client, way, credentials):
    user = user_factory("ann")
    headers = session_header(client, user)
    token, secret = create_token(actor=user, name="listener")
    if credentials == "token":
        headers = token_header(secret)

    async def read():
        async with event_application() as application:
            stream = await OpenStream(application, [f"project:{project.pk}"], headers).started()
            assert not stream.ended
            await sync_to_async(way)(project, user, client, token)
            return await stream.end()

    assert names(async_to_sync(read)()) == ["denied"]


def test_access_is_checked_often_enough_to_end_within_five_seconds(monkeypatch):
    monkeypatch.undo()
    assert events.CHECK_SECONDS + 2 * events.STEP_SECONDS <= 5


def test_two_hundred_streams_hold_few_connections_and_no_threads(project, user_factory, cookie, monkeypatch):
    monkeypatch.setattr(events, "CHECK_SECONDS", 0.5)
    people = [f"person-{number}" for number in range(20)]
    for name in people:
        Membership.objects.create(project=project, user=user_factory(name), role="annotator")
    headers = [cookie(name) for name in people]
    mia = user_factory("mia")

    def open_connections():
        if connection.vendor != "postgresql":
            return 0
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            return cursor.fetchone()[0]

    async def read():
        before = threading.active_count()
        connections_before = await sync_to_async(open_connections)()
        async with event_application() as application:
            streams = [
                await OpenStream(application, [f"project:{project.pk}"], headers[number % 20]).started()
                for number in range(200)
            ]
            await sync_to_async(make_job)(project, mia)
            received = [await stream.count(1) for stream in streams]
            figures = (
                threading.active_count() - before,
                await sync_to_async(open_connections)() - connections_before,
            )
            for stream in streams:
                await stream.leave()
            return received, figures

    received, (threads, opened) = async_to_sync(read)()
    assert all(names(messages) == ["job"] for messages in received)
    assert len(received) == 200
    assert threads <= hub.THREADS + 1
    assert opened <= 5


def test_a_person_may_hold_only_so_many_streams_and_others_are_not_affected(project, cookie, monkeypatch):
    monkeypatch.setattr(events, "MOST_STREAMS_PER_PERSON", 3)
    ann, mia, topic = cookie("ann"), cookie("mia"), f"project:{project.pk}"

    async def read():
        async with event_application() as application:
            streams = [await OpenStream(application, [topic], ann).started() for _ in range(3)]
            refused = await OpenStream(application, [topic], ann).started()
            colleague = await OpenStream(application, [topic], mia).started()
            await streams.pop().leave()
            again = await OpenStream(application, [topic], ann).started()
            for stream in (*streams, colleague, again):
                await stream.leave()
            return refused.status, colleague.status, again.status

    assert async_to_sync(read)() == (429, 200, 200)


def test_a_stream_that_is_cancelled_while_a_message_arrives_ends():
    """The browser leaves in the same moment: the stream may not wait for ever for the next message."""

    async def read():
        subscription = hub.Subscription([Topic("project", uuid.uuid4())])
        [topic] = subscription.topics
        reading = asyncio.create_task(subscription.get(60))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        subscription.put(hub.TopicEvent(topic, "job", {}, 1))
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert await subscription.get(0) == hub.TopicEvent(topic, "job", {}, 1)

    async_to_sync(read)()


@pytest.mark.parametrize("attempt", [0, 8, 12])
def test_a_stream_that_is_left_while_messages_arrive_is_closed(project, cookie, attempt):
    topic = Topic("project", project.pk)

    async def read():
        async with event_application(never) as application:
            stream = await OpenStream(application, [str(topic)], headers).started()
            [subscription] = application.hub._subscriptions
            await asyncio.sleep(0.001 * attempt)
            leaving = asyncio.create_task(stream.leave(5))
            for number in range(50):
                subscription.put(hub.TopicEvent(topic, "job", {}, number + 1))
                await asyncio.sleep(0)
            await leaving
            return len(application._streams)

    headers = cookie("ann")
    assert async_to_sync(read)() == 0


def test_the_reader_of_events_goes_on_after_an_error(project, user_factory, cookie, monkeypatch):
    monkeypatch.setattr(hub, "RETRY_SECONDS", 0.01)
    headers, mia, calls = cookie("ann"), user_factory("mia"), []

    async def failing_first():
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError
        while True:
            yield
            await asyncio.sleep(0.01)

    async def read():
        async with event_application(failing_first) as application:
            stream = await OpenStream(application, [f"project:{project.pk}"], headers).started()
            await sync_to_async(make_job)(project, mia)
            messages = await stream.count(1)
            await stream.leave()
            return names(messages)

    assert async_to_sync(read)() == ["job"]
    assert len(calls) == 2


def test_numbers_that_become_visible_late_are_delivered(job, project):
    """PostgreSQL assigns numbers before a transaction commits: 8 may appear after 9."""
    position = hub._Position(late_seconds=60)
    position.start()
    newest = selectors.newest_number()
    JobEvent.objects.create(pk=newest + 2, job=job, kind="log", data={})
    assert [message.number for message in position.read_new()] == [newest + 2]
    JobEvent.objects.create(pk=newest + 1, job=job, kind="log", data={})
    assert [message.number for message in position.read_new()] == [newest + 1]
    assert position.read_new() == []


def test_a_reader_that_is_too_slow_is_ended_and_resumes(job, project, cookie, user_factory, monkeypatch):
    monkeypatch.setattr(hub, "LONGEST_QUEUE", 2)
    mia, headers, topic = user_factory("mia"), cookie("ann"), f"project:{project.pk}"
    made = make_job(project, mia)
    before = selectors.newest_number()

    async def read():
        async with event_application() as application:
            subscription = await application.hub.subscribe([])
            stream = await OpenStream(application, [topic], headers).started()
            for place in application.hub._subscriptions - {subscription}:
                for number in range(3):
                    place.put(hub.TopicEvent(next(iter(place.topics)), "job", {}, before + number))
            await stream.end()
            application.hub.unsubscribe(subscription)

    async_to_sync(read)()
    services.start_job(made.pk)

    async def resume():
        async with event_application() as application:
            stream = await OpenStream(application, [topic], headers, last=before).started()
            messages = await stream.count(1)
            await stream.leave()
            return messages

    assert [message["data"]["state"] for message in async_to_sync(resume)()] == ["running"]


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no notifications")
def test_postgresql_wakes_the_stream_without_polling(project, user_factory, cookie, monkeypatch):
    monkeypatch.setattr("server.jobs.events.wakeups.LONGEST_SILENCE_SECONDS", 3600)
    headers, mia = cookie("ann"), user_factory("mia")

    async def read():
        async with event_application() as application:
            stream = await OpenStream(application, [f"project:{project.pk}"], headers).started()
            for number in range(1, 4):
                await sync_to_async(make_job)(project, mia)
                await stream.count(number)
            await stream.leave()
            return stream.messages

    assert names(async_to_sync(read)()) == ["job"] * 3


def test_a_removed_manager_neither_sees_nor_cancels_jobs(job, project, user_factory, api):
    made = make_job(project, user_factory("mia"))
    client = api(user_factory("mia"))
    assert client.get(f"/api/v1/jobs/{made.pk}").status_code == 200
    Membership.objects.filter(project=project, user=user_factory("mia")).delete()
    assert client.get(f"/api/v1/jobs/{made.pk}").status_code == 404
    assert client.post(f"/api/v1/jobs/{made.pk}/cancel").status_code == 404
    assert client.get("/api/v1/jobs").json()["count"] == 0
