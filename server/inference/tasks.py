"""Background work of inference. Networks and descriptors are imported when the work begins."""

from __future__ import annotations

from typing import Any

from server.core.tasks import task
from server.inference.services import abandon_prediction
from server.jobs.models import Job
from server.jobs.runner import JobRun


def end_prediction(job: Job, _cause: BaseException | None) -> None:
    """Remove the unfinished suggestions of a prediction."""
    abandon_prediction(actor=job.created_by, job=job)


@task(kind="run_prediction", queue="gpu", attempts=3, ended=end_prediction)
def run_prediction(run: JobRun) -> dict[str, Any]:
    """Run a model version on one slide."""
    from server.inference.predicting import predict_slide  # noqa: PLC0415 - keeps torch out of web processes

    return predict_slide(run)


@task(kind="compute_features", queue="cpu", attempts=3)
def compute_features(run: JobRun) -> dict[str, Any]:
    """Compute the features of a new slide, so that its first round is quick."""
    from server.inference.describing import describe_slide  # noqa: PLC0415 - the same

    return describe_slide(run)
