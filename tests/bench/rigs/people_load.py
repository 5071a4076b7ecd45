"""Simulated users of one web server who draw, decide and read as the front end does; printed as JSON.

``python -m tests.bench.rigs.people_load PORT PID SITE_FILE SECONDS`` first sends requests of one kind,
one after the other, for the processor time of each; then all people work at once.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import random
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KINDS = ("save", "verdict", "list")
WEIGHTS = (4, 3, 3)
ALONE = 150
WARM_UP = 30
PAUSE = (0.1, 0.5)
CSRF = "c" * 32
VERTICES = 40
Ask = tuple[str, str, Any]


@dataclass
class Person:
    """One signed-in browser: its drawn shapes, its known versions, and its connection."""

    port: int
    site: dict[str, Any]
    number: int
    own: list[tuple[str, int]] = field(default_factory=list)
    next_index: int = 0
    version: int = 0
    failed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.number)
        self.place = self.site["slides"][self.number % len(self.site["slides"])]
        share = self.site["objects"] // len(self.site["sessions"])
        self.next_index = share * self.number

    async def connect(self) -> None:
        """Open the connection that all requests use."""
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    async def send(self, method: str, path: str, body: Any = None) -> Any:
        """Return the JSON of a response, None for a refused one, which is recorded."""
        content = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} /api/v1{path} HTTP/1.1\r\nHost: localhost\r\nX-CSRFToken: {CSRF}\r\n"
            f"Cookie: sessionid={self.site['sessions'][self.number]}; csrftoken={CSRF}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        self.writer.write(head.encode() + content)
        answer = await self.reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        content = await self.reader.readexactly(length)
        if answer.split(b" ", 2)[1][:1] != b"2":
            self.failed.append(f"{method} {path}: {answer[:30]!r} {content[:300]!r}")
            return None
        return json.loads(content)

    async def save(self) -> None:
        """Draw an outline, or move an earlier one, by the batch request of autosave."""
        path = f"/slides/{self.place['slide']}/annotations/batch"
        label = self.random.choice(self.site["labels"])
        if self.own and self.random.random() < 0.4:
            key, revision = self.own[-1]
            change = {"op": "update", "id": key, "revision": revision, "geometry": self._outline()}
        else:
            key = str(uuid.uuid4())
            change = {"op": "create", "id": key, "shape": "freehand", "label_id": label}
            change |= {"geometry": self._outline(), "note": ""}
        answer = await self.send("POST", path, {"changes": [change]})
        if answer:
            self.own.append((key, answer["annotations"][0]["revision"]))

    async def verdict(self) -> None:
        """Accept, reject or relabel one suggestion."""
        path = f"/object-sets/{self.place['set']}/verdicts"
        body: dict[str, Any] = {"id": str(uuid.uuid4()), "indices": [self.next_index]}
        body["seen_version"] = self.version
        self.next_index += 1
        kind = self.random.choice(("accepted", "accepted", "rejected", "relabelled"))
        body["kind"] = kind
        if kind == "rejected":
            body["reason"] = "bad_outline"
        if kind == "relabelled":
            body["label_id"] = self.random.choice(self.site["labels"])
        answer = await self.send("POST", path, body)
        if answer:
            self.version = answer["sequence"]

    async def list(self) -> None:
        """Request one of the lists that the pages show."""
        await self.send("GET", self.random.choice(self._lists()))

    def _lists(self) -> tuple[str, ...]:
        slide, made, project = self.place["slide"], self.place["set"], self.site["project"]
        x, y = self.random.randrange(0, 90_000), self.random.randrange(0, 70_000)
        return (
            f"/projects/{project}/slides",
            f"/slides/{slide}/annotations/view?bbox={x},{y},{x + 10_000},{y + 8_000}&scale=0.2",
            f"/slides/{slide}/annotations/view?bbox={x},{y},{x + 5_000},{y + 4_000}&scale=0.4",
            f"/projects/{project}/review/queue?limit=50&slide={slide}",
            f"/object-sets/{made}/review-state",
            f"/slides/{slide}/verdicts?page=1",
        )

    def _outline(self) -> dict[str, Any]:
        x, y = self.random.uniform(200, 90_000), self.random.uniform(200, 70_000)
        corners = []
        for number in range(VERTICES):
            angle, radius = 2 * math.pi * number / VERTICES, self.random.uniform(60, 90)
            corners.append([round(x + radius * math.cos(angle), 2), round(y + radius * math.sin(angle), 2)])
        return {"type": "Polygon", "coordinates": [[*corners, corners[0]]]}


async def measure(port: int, pid: int, site: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Return processor time per request of each kind, and response times while all users work in parallel."""
    people = [Person(port, site, number) for number in range(len(site["sessions"]))]
    for person in people:
        await person.connect()
    processor = {kind: await _processor_time(people[0], kind, pid) for kind in KINDS}
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    before, began = used_by(pid), time.perf_counter()
    await asyncio.gather(*(_work(person, began + seconds, times) for person in people))
    busy = (used_by(pid) - before) / (time.perf_counter() - began)
    failed = [refusal for person in people for refusal in person.failed]
    return {
        "processor": processor,
        "times": {
            kind: {"p50": _percentile(own, 50), "p95": _percentile(own, 95), "count": len(own)}
            for kind, own in times.items()
        },
        "busy": busy,
        "errors": len(failed),
        "first_error": failed[0] if failed else "",
    }


async def _processor_time(person: Person, kind: str, pid: int) -> float:
    """Return the milliseconds of processor time that a request of one kind takes in the web process."""
    ask: Callable[[], Any] = getattr(person, kind)
    for _ in range(WARM_UP):
        await ask()
    before = used_by(pid)
    for _ in range(ALONE):
        await ask()
    return (used_by(pid) - before) / ALONE * 1000


async def _work(person: Person, until: float, times: dict[str, list[float]]) -> None:
    while True:
        await asyncio.sleep(person.random.uniform(*PAUSE))
        began = time.perf_counter()
        if began >= until:
            return
        [kind] = person.random.choices(KINDS, WEIGHTS)
        await getattr(person, kind)()
        times[kind].append((time.perf_counter() - began) * 1000)


def used_by(pid: int) -> float:
    """Return the seconds of processor time that a process has used, its ended threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _percentile(values: list[float], share: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * share // 100)] if ordered else math.nan


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[3]).read_text())
    print(json.dumps(asyncio.run(measure(int(sys.argv[1]), int(sys.argv[2]), given, float(sys.argv[4])))))
