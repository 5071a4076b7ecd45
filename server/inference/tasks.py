"""The background work of inference. Networks and descriptors are imported when the work begins."""

from __future__ import annotations

from typing import Any

from server.core.tasks import task
from server.jobs.runner import JobRun


@task(kind="run_prediction", queue="gpu", attempts=3)
def run_prediction(run: JobRun) -> dict[str, Any]:
    """Let a model version look at one slide."""
    from server.inference.predicting import predict_slide  # noqa: PLC0415 - keeps torch out of web processes

    return predict_slide(run)


@task(kind="compute_features", queue="cpu", attempts=3)
def compute_features(run: JobRun) -> dict[str, Any]:
    """Describe the patches of a new slide, so that its first round is quick."""
    from server.inference.describing import describe_slide  # noqa: PLC0415 - the same

    return describe_slide(run)
