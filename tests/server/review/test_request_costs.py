"""Numbers of statements and commits of the most frequent requests, with authentication by a session.

A request that got cheaper gets its new number; one that got dearer needs a reason.
"""

from __future__ import annotations

import json
import uuid

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from server.audit.services import first_broken_record

pytestmark = pytest.mark.django_db(transaction=True)

SQUARE = {"type": "Polygon", "coordinates": [[[10, 10], [90, 10], [90, 90], [10, 90], [10, 10]]]}
# Two statements find the session and the person, one the slide or the set.
COSTS = {
    # role, label, row, annotation, revision, head of the chain, record, head, learning count, event
    "create": 13,
    # its outline now, role, row, annotation, revision, head, record, head, event
    "update": 12,
    "create ten": 13,
    # role, state, sent before, verdict, state, head, record, head, event
    "verdict": 12,
    # annotations
    "annotations": 4,
    # page
    "slides": 4,
    "verdicts": 4,
    "review state": 4,
    # role, sets with the versions of their decisions, skips, sets decided before
    "queue": 7,
}
WRITES = {"create", "update", "create ten", "verdict"}


@pytest.fixture
def ask(project_factory, label_factory, slide_factory, user_factory, suggest):
    """Send one of the requests of ``COSTS``, as in ``ask(what)``, and return its statements."""
    project = project_factory(reviewer="rita")
    label, slide = label_factory(project), slide_factory(project, progress_state="in_progress")
    made = suggest(slide, [label], [0.5] * 30)
    client = Client()
    client.force_login(user_factory("rita"), backend="server.accounts.sessions.PasswordBackend")
    drawn = [str(uuid.uuid4())]
    given = []

    def change(key, **values):
        return {"id": key, "geometry": SQUARE, **values}

    def create(count):
        keys = [str(uuid.uuid4()) for _ in range(count)]
        new = [change(key, op="create", shape="polygon", label_id=str(label.pk)) for key in keys]
        drawn[0] = keys[0]
        return f"slides/{slide.pk}/annotations/batch", {"changes": new}

    def update():
        moved = change(drawn[0], op="update", revision=1)
        return f"slides/{slide.pk}/annotations/batch", {"changes": [moved]}

    def verdict():
        number = len(given)
        body = {"id": str(uuid.uuid4()), "kind": "accepted", "indices": [number], "seen_version": number}
        given.append(body)
        return f"object-sets/{made.pk}/verdicts", body

    requests = {
        "create": lambda: create(1),
        "update": update,
        "create ten": lambda: create(10),
        "verdict": verdict,
        "annotations": lambda: (f"slides/{slide.pk}/annotations/view?bbox=0,0,9000,8000&scale=1", None),
        "slides": lambda: (f"projects/{project.pk}/slides", None),
        "verdicts": lambda: (f"slides/{slide.pk}/verdicts", None),
        "review state": lambda: (f"object-sets/{made.pk}/review-state", None),
        "queue": lambda: (f"projects/{project.pk}/review/queue?limit=50&slide={slide.pk}", None),
    }

    def send(what):
        path, body = requests[what]()
        with CaptureQueriesContext(connection) as queries:
            if body is None:
                answer = client.get(f"/api/v1/{path}")
            else:
                answer = client.post(f"/api/v1/{path}", json.dumps(body), content_type="application/json")
        assert answer.status_code in {200, 201}, answer.content
        return [query["sql"] for query in queries.captured_queries]

    send.project = project
    return send


def is_work(statement):
    """Return whether a statement is none of a transaction, nor PostgreSQL's notification."""
    return not statement.startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK", "NOTIFY"))


def test_each_request_costs_so_many_statements_and_one_commit(ask):
    """The second of each kind is measured: the first one may create a permanent row."""
    for what in COSTS:
        ask("create" if what == "update" else what)
    statements = {}
    for what in COSTS:
        if what == "update":
            ask("create")
        statements[what] = ask(what)
    work = {what: [s for s in own if is_work(s)] for what, own in statements.items()}
    assert {what: len(own) for what, own in work.items()} == COSTS, "enter the new figures"
    commits = {what: sum(s.startswith("COMMIT") for s in own) for what, own in statements.items()}
    assert commits == {what: int(what in WRITES) for what in COSTS}
    assert not [s for own in statements.values() for s in own if s.startswith("SAVEPOINT")]
    assert first_broken_record(str(ask.project.pk)) is None


def test_no_list_reads_the_outline_of_the_tissue(ask):
    for what in ("annotations", "slides", "verdicts", "queue"):
        assert not [statement for statement in ask(what) if '"slides_slide"."tissue",' in statement], what


def test_expired_sessions_end(ask):
    from django.contrib.sessions.models import Session
    from django.utils import timezone

    Session.objects.update(expire_date=timezone.now())
    with pytest.raises(AssertionError, match="not_authenticated"):
        ask("slides")
    call_command("clearsessions")
