"""Background work of rounds. Networks are imported when the work begins."""

from __future__ import annotations

from typing import Any

from server.core.tasks import task
from server.jobs.runner import JobRun


@task(kind="run_round", queue="gpu", attempts=3)
def run_round(run: JobRun) -> dict[str, Any]:
    """Train on a snapshot, measure on its held-out part, and store the model version."""
    from server.learning.rounds.jobs import learn  # noqa: PLC0415 - keeps torch out of web processes

    return learn(run)


@task(kind="explain_suggestion", queue="cpu", attempts=2)
def explain_suggestion(run: JobRun) -> dict[str, Any]:
    """Compute a version's explanation map of one suggestion, and the most similar labelled patches."""
    from server.learning.explanations.services import explain_stored  # noqa: PLC0415 - the same

    return explain_stored(run)


@task(kind="compare_versions", queue="gpu", attempts=3)
def compare_versions(run: JobRun) -> dict[str, Any]:
    """Compare two versions on the same held-out labels."""
    from server.learning.rounds.jobs import compare_stored  # noqa: PLC0415 - the same

    return compare_stored(run)


@task(kind="build_atlas", queue="cpu", attempts=2)
def build_atlas(run: JobRun) -> dict[str, Any]:
    """Embed the patches of a project in two dimensions."""
    from server.learning.atlas.jobs import build_atlas as build  # noqa: PLC0415 - the same

    return build(run)
