"""Queries of events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.db.models import Q, QuerySet

from server.jobs.events.topics import Topic, TopicEvent, messages_of
from server.jobs.models import Job, JobEvent

BATCH: Final = 500
# A page that was away for longer loads everything again, which costs less than so many events.
MOST_REPEATED: Final = 1000


def newest_number() -> int:
    """Return the number of the newest event, 0 when there is none."""
    return JobEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def _beyond(topic: Topic, number: int) -> Q:
    """Return the condition of a topic's events with higher numbers; a project's exclude log lines."""
    if topic.kind == "job":
        return Q(job_id=topic.id, pk__gt=number)
    own = Q(project_id=topic.id) | Q(job__project_id=topic.id)
    return own & Q(pk__gt=number) & ~Q(kind=JobEvent.Kind.LOG)


def topics_far_behind(after: dict[Topic, int]) -> set[Topic]:
    """Return the projects with more than ``MOST_REPEATED`` events beyond their numbers."""
    return {
        topic
        for topic, number in after.items()
        if topic.kind == "project"
        and JobEvent.objects.filter(_beyond(topic, number))[: MOST_REPEATED + 1].count() > MOST_REPEATED
    }


def read_history(after: dict[Topic, int]) -> list[TopicEvent]:
    """Return the messages of each topic beyond its number, of at most ``BATCH`` events, by number."""
    condition = Q(pk__in=[])
    for topic, number in after.items():
        condition |= _beyond(topic, number)
    rows = JobEvent.objects.filter(condition).select_related("job").order_by("pk")[:BATCH]
    return [
        message
        for message in messages_of(rows)
        if message.topic in after and (message.number or 0) > after[message.topic]
    ]


def ended_jobs(topics: Iterable[Topic]) -> set[Topic]:
    """Return the topics of jobs that have reached their final state."""
    ids = [topic.id for topic in topics if topic.kind == "job"]
    return {
        Topic("job", key)
        for key in Job.objects.filter(pk__in=ids, state__in=Job.FINAL).values_list("pk", flat=True)
    }


def numbers_beyond(number: int, most: int) -> list[int]:
    """Return the numbers of at most so many events with higher numbers, in order."""
    return list(JobEvent.objects.filter(pk__gt=number).order_by("pk").values_list("pk", flat=True)[:most])


def events_numbered(numbers: Iterable[int]) -> QuerySet[JobEvent]:
    """Return the events with these numbers and their jobs, by number."""
    return JobEvent.objects.filter(pk__in=numbers).select_related("job").order_by("pk")
