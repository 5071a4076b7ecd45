"""Messages of jobs and refusals over HTTP: a code and values, for the language of the page."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

import server.config.celery
from ml.messages import LOCALES, Message
from server.core.tasks import job_kinds
from server.jobs.models import Job, JobEvent
from server.jobs.runner import JobRun
from server.jobs.services import create_job

ROOT = Path(__file__).resolve().parents[3]


def job_titles():
    """Yield (kind, code of the title) of each call that creates a job."""
    for path in (ROOT / "server").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "create_job":
                arguments = {argument.arg: argument.value for argument in node.keywords}
                kind, title = arguments["kind"], arguments["title"]
                assert isinstance(title, ast.Call), ast.unparse(node)
                # A kind may be named by a constant of its module, as the code of its title shows.
                code = title.args[0].value
                yield kind.value if isinstance(kind, ast.Constant) else code.removeprefix("job_"), code


def test_every_kind_of_job_has_a_title_in_chinese():
    titles = dict(job_titles())
    server.config.celery.app.loader.import_default_modules()
    scheduled = {"sweep"}
    assert set(titles) == set(job_kinds()) - scheduled
    chinese = json.loads((LOCALES / "zh-CN.json").read_text(encoding="utf-8"))
    assert all(re.search(r"[\u4e00-\u9fff]", chinese[code]) for code in titles.values())


@pytest.mark.django_db
def test_a_title_travels_with_its_code_and_values(api, user_factory, project_factory):
    project = project_factory(annotator="ann")
    title = Message("job_map_quality", name="Fall \u6d4b\u8bd5")
    job = create_job(
        actor=user_factory("ann"), kind="map_quality", title=title, queue="cpu", input={}, project=project
    )
    shown = api(user_factory("ann")).get(f"/api/v1/jobs/{job.pk}").json()
    name = "Fall \u6d4b\u8bd5"
    assert shown["title"] == {
        "code": "job_map_quality",
        "params": {"name": name},
        "text": f"Quality map of {name}",
    }


@pytest.mark.django_db
def test_a_message_travels_with_its_code_and_values(api, user_factory, project_factory):
    project = project_factory(annotator="ann")
    job = Job.objects.create(
        kind="import_slide",
        title=Message("verbatim", text="t"),
        project=project,
        created_by=user_factory("ann"),
        state=Job.State.RUNNING,
    )
    run = JobRun(job)
    message = Message("patches_read", done=3, total=9)
    run.report(0.5, message)
    run.log(message)
    shown = api(user_factory("ann")).get(f"/api/v1/jobs/{job.pk}").json()
    progress, log = (event.data for event in JobEvent.objects.filter(job=job).order_by("id"))
    stored = {"code": "patches_read", "params": {"done": 3, "total": 9}, "text": "Read 3 of 9 patches"}
    assert shown["message"] == stored
    assert progress == {"progress": 0.5, "message": stored}
    assert log == {"level": "info", "message": stored}


@pytest.mark.django_db
def test_a_refusal_names_its_message_and_what_libraries_say_comes_in_the_language_of_the_page(
    api, user_factory, project_factory, label_factory
):
    project = project_factory(manager="mia")
    label = label_factory(project, "Tumour")
    mia = api(user_factory("mia"))
    body = {"name": label.name, "colour": "#123456"}
    refused = mia.post(f"/api/v1/projects/{project.pk}/labels", body, format="json")
    assert refused.status_code == 409
    told = refused.json()
    assert (told["message"]["code"], told["message"]["params"]) == ("label_named", {"name": "Tumour"})
    chinese = mia.post(
        f"/api/v1/projects/{project.pk}/labels", {}, format="json", headers={"Accept-Language": "zh-CN"}
    )
    assert "不能为空" in chinese.json()["errors"]["name"][0] or "必填" in chinese.json()["errors"]["name"][0]
    english = mia.post(f"/api/v1/projects/{project.pk}/labels", {}, format="json")
    assert english.json()["errors"]["name"] == ["This field is required."]
