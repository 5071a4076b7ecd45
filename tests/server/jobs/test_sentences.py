"""Messages for users: every sentence has a code, and a text in each language under that code."""

from __future__ import annotations

import ast
import copy
import json
import re
from importlib import import_module
from pathlib import Path

import pytest

import server.config.celery
from ml.contracts import DataError, Sentence, sentence_parts
from server.core import errors
from server.core.errors import DomainError
from server.core.tasks import job_kinds
from server.jobs.models import Job, JobEvent
from server.jobs.runner import JobRun
from server.jobs.services import create_job

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
    """Return the English sentence of each code in the sources."""
    sentences = dict(ALSO_SAID)
    for place, name, node in calls():
        if name == "Sentence":
            code, english = (argument.value for argument in node.args[:2])
            assert sentences.setdefault(code, english) == english, f"{place} says {code} in other words"
    return sentences


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


# What no page can bring about, but only a program; and the wait, which the pages say from its seconds.
FOR_PROGRAMS = {
    "not_fitted",
    "bad_grid",
    "bad_thresholds",
    "unknown_recipe",
    "unknown_tool",
    "unknown_stain_method",
    "bad_storage_key",
    "illegal_transition",
    "verdict_id_taken",
    "bad_metadata",
    "bad_header",
    "too_many_sign_ins",
    "too_many_passwords",
}
COMMAND_LINE = (
    "ml/tools",
    "ml/claims",
    "ml/data",
    "ml/__main__.py",
    "ml/training/together.py",
    "ml/evaluation",
    "ml/features",
    "ml/training",
    "ml/explain/hipomap.py",
    "ml/explain/faithfulness.py",
)


def refusals():
    """Yield (place, code, words) of each error with literal words that ends a job or answers a request."""
    kinds = {"DataError", "SlideError"} | {
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, DomainError)
    }
    for path in SOURCES:
        place = str(path.relative_to(ROOT))
        if place.startswith(COMMAND_LINE):
            continue
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            assignments = {}
            for node in ast.walk(function):
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    assignments.setdefault(node.targets[0].id, []).append(node)
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") in kinds and node.args:
                    words = node.args[-1]
                    if isinstance(words, ast.Name):
                        before = [one for one in assignments.get(words.id, []) if one.lineno < node.lineno]
                        words = before[-1].value if before else words
                    code = next((k.value for k in node.keywords if k.arg == "code"), node.args[0])
                    yield f"{place}:{node.lineno}", getattr(code, "value", ""), words


def test_nobody_refuses_with_what_has_no_code():
    """A refusal without a code would stay English on every page."""
    listed = list(refusals())
    assert len(listed) > 150
    bare = [
        place
        for place, code, words in listed
        if isinstance(words, ast.Constant | ast.JoinedStr) and code not in FOR_PROGRAMS
    ]
    assert bare == []


def test_every_kind_of_job_has_a_title_in_each_language():
    titles = {}
    for _place, name, node in calls():
        if name == "create_job":
            arguments = {argument.arg: argument.value for argument in node.keywords}
            kind, title = arguments["kind"], arguments["title"]
            assert isinstance(title, ast.Call), ast.unparse(node)
            # A kind may be named by a constant of its module, as the code of its title shows.
            code = title.args[0].value
            titles[kind.value if isinstance(kind, ast.Constant) else code.removeprefix("job_")] = code
    server.config.celery.app.loader.import_default_modules()
    scheduled = {"sweep"}
    assert set(titles) == set(job_kinds()) - scheduled
    for language in ("en", "zh-CN"):
        assert set(titles.values()) <= set(texts(language))
    assert all(re.search(r"[\u4e00-\u9fff]", texts("zh-CN")[code]) for code in titles.values())


@pytest.mark.django_db
def test_a_title_travels_with_its_code_and_values(api, user_factory, project_factory):
    project = project_factory(annotator="ann")
    title = Sentence("job_map_quality", "Quality map of {name}", name="Fall \u6d4b\u8bd5")
    job = create_job(
        actor=user_factory("ann"), kind="map_quality", title=title, queue="cpu", input={}, project=project
    )
    shown = api(user_factory("ann")).get(f"/api/v1/jobs/{job.pk}").json()
    assert shown["title"] == "Quality map of Fall \u6d4b\u8bd5"
    assert (shown["title_code"], shown["title_values"]) == ("job_map_quality", {"name": "Fall \u6d4b\u8bd5"})


EARLIER_TITLES = [
    ("import_objects", "Read a.csv.gz", {"name": "a.csv.gz"}),
    ("run_round", "Round 12: Colour and texture", {"number": "12", "title": "Colour and texture"}),
    ("run_prediction", "nuclei v2 on on call", {"version": "nuclei v2 on", "slide": "call"}),
    ("register_slides", "Lay HE over IHC", {"moving": "HE", "fixed": "IHC"}),
    ("explain_suggestion", "Why: v1, suggestion 4 on s", {"producer": "v1", "index": "4", "slide": "s"}),
]


@pytest.mark.parametrize(("kind", "title", "values"), EARLIER_TITLES)
def test_titles_of_earlier_versions_are_taken_apart(kind, title, values):
    migration = import_module("server.jobs.migrations.0007_title_sentence")
    assert migration.EARLIER[kind].fullmatch(title).groupdict() == values
    assert f"job_{kind}" in texts("en")


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
    shown = api(user_factory("ann")).get(f"/api/v1/jobs/{job.pk}").json()
    assert shown["message"] == "Read 3 of 9 patches"
    assert (shown["message_code"], shown["message_values"]) == ("patches_read", {"done": 3, "total": 9})
    progress, log = (event.data for event in JobEvent.objects.filter(job=job).order_by("id"))
    parts = {"message": "Read 3 of 9 patches", "code": "patches_read", "values": {"done": 3, "total": 9}}
    assert progress == {"progress": 0.5, **parts}
    assert log == {"level": "info", **parts}


def test_a_sentence_in_a_sentence_crosses_to_another_process_and_into_json():
    inner = Sentence("row_no_geometry", "It has no geometry.")
    # A copy is made as another process makes it: of the arguments.
    error = copy.copy(DataError("bad", Sentence("row_refused", "Row {row}: {reason}", row=3, reason=inner)))
    assert (error.code, str(error)) == ("bad", "Row 3: It has no geometry.")
    parts = sentence_parts(error.detail)
    assert parts["values"] == {
        "row": 3,
        "reason": {"message": "It has no geometry.", "code": "row_no_geometry", "values": {}},
    }
    assert sentence_parts(Sentence.from_parts(json.loads(json.dumps(parts)))) == parts


@pytest.mark.django_db
def test_a_refusal_names_its_sentence_and_what_libraries_say_comes_in_the_language_of_the_page(
    api, user_factory, project_factory, label_factory
):
    project = project_factory(manager="mia")
    label = label_factory(project, "Tumour")
    mia = api(user_factory("mia"))
    body = {"name": label.name, "colour": "#123456"}
    refused = mia.post(f"/api/v1/projects/{project.pk}/labels", body, format="json")
    assert refused.status_code == 409
    told = refused.json()
    assert (told["message_code"], told["message_values"]) == ("label_named", {"name": "Tumour"})
    chinese = mia.post(
        f"/api/v1/projects/{project.pk}/labels", {}, format="json", headers={"Accept-Language": "zh-CN"}
    )
    assert "不能为空" in chinese.json()["errors"]["name"][0] or "必填" in chinese.json()["errors"]["name"][0]
    english = mia.post(f"/api/v1/projects/{project.pk}/labels", {}, format="json")
    assert english.json()["errors"]["name"] == ["This field is required."]
