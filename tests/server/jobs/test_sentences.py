"""What runs say on their way: every sentence has a code, and a text in each language under that code."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from ml.contracts import Sentence
from server.jobs.models import Job, JobEvent
from server.jobs.runner import JobRun

ROOT = Path(__file__).resolve().parents[3]
SOURCES = [*(ROOT / "ml").rglob("*.py"), *(ROOT / "server").rglob("*.py")]
# The worker that stopped can say nothing itself; the sweep says it in its place.
ALSO_SAID = {"worker_stopped": "The worker of this job stopped answering."}


def calls():
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = (
                    node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                )
                yield f"{path.relative_to(ROOT)}:{node.lineno}", name, node


def said():
    """Return the English of each code, as the sources have it."""
    found = dict(ALSO_SAID)
    for place, name, node in calls():
        if name == "Sentence":
            code, english = (argument.value for argument in node.args[:2])
            assert found.setdefault(code, english) == english, f"{place} says {code} in other words"
    return found


def texts(language):
    path = ROOT / "frontend" / "src" / "ui" / "locales" / language / "server.json"
    return json.loads(path.read_text(encoding="utf-8"))["messages"]


def test_the_pages_have_a_text_for_all_that_is_said_and_for_nothing_else():
    english = {code: re.sub(r"\{(\w+):,\}", r"{\1, number}", text) for code, text in said().items()}
    assert len(english) > 40
    assert {code: text.replace("{{", "{").replace("}}", "}") for code, text in texts("en").items()} == english
    assert set(texts("zh-CN")) == set(english)


def test_nobody_says_what_has_no_code():
    """A plain text would stay English on every page."""
    bare = [
        place
        for place, name, node in calls()
        if name in {"report", "log"}
        for argument in node.args
        if isinstance(argument, ast.JoinedStr)
        or (isinstance(argument, ast.Constant) and isinstance(argument.value, str))
    ]
    assert bare == []


@pytest.mark.django_db
def test_a_sentence_travels_with_its_code_and_values(api, user_factory, project_factory):
    project = project_factory(annotator="ann")
    job = Job.objects.create(
        kind="import_slide",
        title="t",
        project=project,
        created_by=user_factory("ann"),
        state=Job.State.RUNNING,
    )
    run = JobRun(job)
    sentence = Sentence("patches_read", "Read {done} of {total} patches", done=3, total=9)
    run.report(0.5, sentence)
    run.log(sentence)
    run.log("a line of a traceback")
    shown = api(user_factory("ann")).get(f"/api/v1/jobs/{job.pk}").json()
    assert shown["message"] == "Read 3 of 9 patches"
    assert (shown["message_code"], shown["message_values"]) == ("patches_read", {"done": 3, "total": 9})
    progress, log, plain = (event.data for event in JobEvent.objects.filter(job=job).order_by("id"))
    parts = {"message": "Read 3 of 9 patches", "code": "patches_read", "values": {"done": 3, "total": 9}}
    assert progress == {"progress": 0.5, **parts}
    assert log == {"level": "info", **parts}
    assert plain == {"level": "info", "message": "a line of a traceback", "code": "", "values": {}}
