"""The page of a failed job shows no path of the server."""

from __future__ import annotations

import json

import pytest

from ml.contracts import DataError
from ml.messages import Message
from ml.slides import SlideError
from server.core import tasks
from server.core.errors import ContentError
from server.jobs.models import JobEvent
from server.jobs.runner import run_job
from server.jobs.services import create_job

pytestmark = pytest.mark.django_db
PATH = "/srv/coverslip/storage/slides/ab/slide.dcm"


@pytest.mark.parametrize(
    "error",
    [
        OSError(5, "Input/output error", PATH),
        ValueError(f"cannot read {PATH}"),
        DataError(Message("verbatim", text=f"{PATH} is no JSON."), code="bad"),
        SlideError(Message("verbatim", text=f"Reading {PATH}: bad."), code="unreadable"),
        ContentError(Message("verbatim", text=f"{PATH} is gone.")),
        ContentError(Message("not_json", reason=ValueError(f"in '{PATH}'"))),
    ],
)
def test_a_failed_job(error, api, user_factory, project_factory, monkeypatch):
    project = project_factory(manager="mia")
    mia = user_factory("mia")

    def fail(run):
        run.log(Message("verbatim", text=f"Opening {PATH}"))
        raise error

    monkeypatch.setitem(tasks._kinds, "errand", tasks.JobKind("errand", "io", 1, fail))
    job = create_job(
        actor=mia,
        kind="errand",
        title=Message("verbatim", text="Import"),
        input={},
        project=project,
        subject=project,
        queue="io",
    )
    run_job(job.pk, with_heart=False)
    seen = json.dumps(api(mia).get(f"/api/v1/jobs/{job.pk}").json())
    seen += json.dumps(list(JobEvent.objects.filter(job=job).values_list("data", flat=True)))
    assert "failed" in seen
    assert "slide.dcm" in seen or isinstance(error, OSError)
    assert "/srv" not in seen
    assert "server/jobs" not in seen


class ConfidentialError(Exception):
    """An error whose kind and words are for operators."""


def test_a_traceback_is_for_who_runs_the_server(api, user_factory, project_factory, monkeypatch, caplog):
    project = project_factory(manager="mia")
    mia = user_factory("mia")

    def fail(_run):
        patient = "Jane Doe"
        raise ConfidentialError(patient)

    monkeypatch.setitem(tasks._kinds, "errand", tasks.JobKind("errand", "io", 1, fail))
    job = create_job(
        actor=mia,
        kind="errand",
        title=Message("verbatim", text="Import"),
        input={},
        project=project,
        subject=project,
        queue="io",
    )
    run_job(job.pk, with_heart=False)
    shown = api(mia).get(f"/api/v1/jobs/{job.pk}").json()
    assert shown["error"]["code"] == "not_foreseen"
    assert f"under job {job.pk}" in shown["error"]["text"]
    seen = json.dumps([shown, *JobEvent.objects.filter(job=job).values_list("data", flat=True)])
    for word in ("Traceback", "ConfidentialError", "Jane Doe", ".py"):
        assert word not in seen
        assert word in caplog.text
    assert str(job.pk) in caplog.text
