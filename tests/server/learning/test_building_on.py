"""Recipes that build on earlier models resolve them by name among visible ones only."""

from __future__ import annotations

import pytest

from server.core.errors import NotVisibleError
from server.jobs.models import Job
from server.registry.models import ModelVersion
from server.registry.selectors import find_version_named
from tests.server.learning.test_loop import labelled, mia, mosaic, project, start, versions

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

__all__ = ["labelled", "mia", "mosaic", "project"]


def test_a_round_builds_on_a_version_by_its_name(
    labelled, project, mia, run_jobs, project_factory, user_factory
):
    start(mia, project, config={"patch": 448, "stride": 448})
    run_jobs()
    start(mia, project, recipe="tta", config={"source": "descriptors v1", "mode": "random", "draws": 2})
    run_jobs()
    newest = versions(mia, project)[0]
    assert newest["name"] == "tta v2", Job.objects.latest("created_at").error
    assert newest["metrics"]["count"] > 0

    for source, code in (("/etc", "called '/etc'"), ("weights: none", "weights called 'none'")):
        start(mia, project, recipe="tta", config={"source": source})
        run_jobs()
        job = Job.objects.filter(kind="run_round").latest("created_at")
        assert job.state == Job.State.FAILED
        assert code in str(job.error)

    actor, first = user_factory("mia"), ModelVersion.objects.get(number=1)
    other = project_factory(manager="zoe")
    for name in ("descriptors v1", f"{project.name}: descriptors v1", str(first.pk)):
        assert find_version_named(actor, project, name) == first
        with pytest.raises(NotVisibleError):
            find_version_named(user_factory("zoe"), other, name)
    for name in ("descriptors v9", "tta v1", "descriptors vx", "", "../models"):
        with pytest.raises(NotVisibleError, match="no model version"):
            find_version_named(actor, project, name)
