"""Topics of a stream, and the conversion of event rows to messages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from server.jobs.models import JobEvent

LONGEST_NUMBER: Final = 18  # digits that a database's big integer always holds


@dataclass(frozen=True, slots=True)
class Topic:
    """One project or one job whose events a stream follows."""

    kind: Literal["project", "job"]
    id: UUID

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True)
class TopicEvent:
    """One server-sent event. ``number`` is the number of its row, None for a message without a row."""

    topic: Topic
    name: str
    data: dict[str, Any]
    number: int | None = None

    def encode(self) -> bytes:
        """Return the message in the format of server-sent events (WHATWG HTML, section 9.2)."""
        body = {"topic": str(self.topic), "name": self.name, "number": self.number, "data": self.data}
        number = "" if self.number is None else f"id: {self.number}\n"
        return f"{number}data: {json.dumps(body)}\n\n".encode()


def parse_topic(text: str) -> tuple[Topic, int | None]:
    """Read ``project:<uuid>``, ``job:<uuid>``, each perhaps with ``@<number>`` of the last event received.

    Raises ValueError for any other text.
    """
    name, _, after = text.partition("@")
    kind, _, key = name.partition(":")
    if kind not in {"project", "job"}:
        message = f"A topic is a project or a job, not {kind!r}."
        raise ValueError(message)
    number = parse_number(after) if after else None
    return Topic("project" if kind == "project" else "job", UUID(key)), number


def parse_number(text: str) -> int:
    """Return the number of an event, 0 for an invalid text."""
    usable = text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER
    return int(text) if usable else 0


def messages_of(rows: Iterable[JobEvent]) -> Iterator[TopicEvent]:
    """Yield the messages of event rows: for the job, and for its project unless it is a log line."""
    for row in rows:
        job = row.job
        if job is None:
            data = {key: value for key, value in row.data.items() if key != "topic"}
            if row.project_id is not None:
                yield TopicEvent(Topic("project", row.project_id), row.data["topic"], data, row.pk)
            continue
        yield TopicEvent(Topic("job", job.pk), row.kind, row.data, row.pk)
        if job.project_id is not None and row.kind != JobEvent.Kind.LOG:
            data = {
                "job_id": str(job.pk),
                "kind": job.kind,
                "title": job.title.as_json(),
                "subject_type": job.subject_type,
                "subject_id": job.subject_id,
                "event": row.kind,
                "state": job.state,
                "progress": job.progress,
                **row.data,
            }
            yield TopicEvent(Topic("project", job.project_id), "job", data, row.pk)
