"""Messages that earlier versions stored in parts become JSON of one shape."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from ml.messages import Message
from server.jobs.models import Job, JobEvent
from server.slides.models import Slide

BEFORE = [("jobs", "0008_drop_tracebacks"), ("slides", "0014_neutral_pseudonyms")]
ROW = {"message": "It has no geometry.", "code": "row_no_geometry", "values": {}}


def migrate(targets=()):
    executor = MigrationExecutor(connection)
    leaves = executor.loader.graph.leaf_nodes()
    executor.migrate(targets or leaves)
    others = [leaf for leaf in leaves if leaf[0] in {"accounts", "projects"}]
    return executor.loader.project_state([*targets, *others]).apps


@pytest.fixture
def earlier(transactional_db):
    yield migrate(BEFORE)
    migrate()


def rows_of(apps):
    """Make a project; return the values of jobs and of slides."""
    user = apps.get_model("accounts", "User").objects.create(username="mia")
    project = apps.get_model("projects", "Project").objects.create(name="P")
    case = apps.get_model("slides", "Case").objects.create(project=project, pseudonym="1")
    return {"project": project, "created_by": user}, {"project": project, "case": case, "created_by": user}


def test_jobs_events_and_slides_keep_their_messages(earlier):
    of_job, of_slide = rows_of(earlier)
    jobs, slides = earlier.get_model("jobs", "Job").objects, earlier.get_model("slides", "Slide").objects
    read = {"message": "Read 3 of 9 patches", "message_code": "patches_read"}
    failed = jobs.create(
        kind="import_slide", title="Import a.svs", title_code="job_import_slide",
        title_values={"name": "a.svs"}, **read, message_values={"done": 3, "total": 9},
        state="failed", error_code="bad", error_message="Row 3: It has no geometry.",
        error_message_code="row_refused",
        error_message_values={"row": 3, "reason": ROW}, **of_job,
    )  # fmt: skip
    plain = jobs.create(kind="errand", title="An errand", state="cancelled", **of_job)
    data = {"level": "info", "message": "Read 3 of 9 patches", "code": "patches_read"}
    earlier.get_model("jobs", "JobEvent").objects.create(
        job=failed, kind="log", data={**data, "values": {"done": 3, "total": 9}}
    )
    left = slides.create(name="a", state="importing", import_job_id=failed.pk, **of_slide)
    broken = slides.create(name="b", state="failed", failure="Broken.", resolution_notes=[ROW], **of_slide)
    good = slides.create(name="c", state="importing", **of_slide)
    migrate()
    job = Job.objects.get(pk=failed.pk)
    refused = Message("row_refused", row=3, reason=Message("row_no_geometry"))
    assert (job.title, job.message) == (
        Message("job_import_slide", name="a.svs"),
        Message("patches_read", done=3, total=9),
    )
    assert (job.error_code, job.error) == ("bad", refused)
    job = Job.objects.get(pk=plain.pk)
    assert (str(job.title), job.message, job.error) == ("An errand", None, None)
    assert JobEvent.objects.get().data == {
        "level": "info",
        "message": Message("patches_read", done=3, total=9).as_json(),
    }
    # A job that had failed without ending its slide.
    slide = Slide.objects.get(pk=left.pk)
    assert (slide.state, slide.failure_code, slide.failure) == ("failed", "bad", refused)
    slide = Slide.objects.get(pk=broken.pk)
    assert str(slide.failure) == "Broken."
    assert slide.resolution_notes == [Message("row_no_geometry").as_json()]
    assert Slide.objects.get(pk=good.pk).failure is None


@pytest.mark.parametrize(
    ("state", "error", "code", "failure"),
    [
        ("failed", "The worker stopped.", "worker_lost", "The worker stopped."),
        ("cancelled", "", "import_cancelled", "The import was cancelled."),
        ("running", "", "", None),
    ],
)
def test_slides_that_earlier_versions_left_importing_are_ended(earlier, state, error, code, failure):
    of_job, of_slide = rows_of(earlier)
    job = earlier.get_model("jobs", "Job").objects.create(
        kind="import_slide", title="Import a", state=state, error_message=error,
        error_code="worker_lost" if error else "", **of_job,
    )  # fmt: skip
    earlier.get_model("slides", "Slide").objects.create(
        name="a", state="importing", import_job_id=job.pk, **of_slide
    )
    migrate()
    slide = Slide.objects.get()
    assert (slide.failure_code, slide.failure and str(slide.failure)) == (code, failure)
    assert slide.state == ("importing" if state == "running" else "failed")


def test_reports_of_imports_and_warnings_of_rounds_keep_their_messages():
    report = {
        "rows": [{"row": 1, "reason": "", "reason_code": "", "reason_values": {}}],
        "reasons": [{"count": 1, "reason": ROW["message"], "reason_code": ROW["code"], "reason_values": {}}],
        "skipped": [{"row": 1, "reason": ROW["message"]}],
        "warning": ROW,
    }
    import_module("server.jobs.migrations.0009_messages_as_json").convert_report(report)
    stored = Message("row_no_geometry").as_json()
    assert report["rows"] == [{"row": 1, "reason": None}]
    assert report["reasons"] == [{"count": 1, "reason": stored}]
    assert report["skipped"][0]["reason"]["text"] == ROW["message"]
    assert report["warning"] == stored
    converted = import_module("server.learning.migrations.0007_warnings_as_messages").converted
    warning = {
        "code": "nothing_held_out",
        "detail": "All labels lie in one place.",
        "values": {"context": "place"},
    }
    assert Message.from_json(converted(warning)) == Message("nothing_held_out_place")
