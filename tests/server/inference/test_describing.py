"""Features of a new slide: those of quick rounds always, the maps of a paint model where it is current."""

from __future__ import annotations

import pytest

from ml.slides import write_phantom
from server.jobs.models import Job
from server.registry.models import ModelVersion

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

# Coarse, so that a slide is one block.
CONFIG = {"mpp_if_known": 4.0}


@pytest.fixture
def project(project_factory):
    return project_factory(manager="mia")


@pytest.fixture
def paint_version(project, user_factory):
    return ModelVersion.objects.create(
        project=project, recipe="paint", task="region", number=1, snapshot_digest="0" * 64,
        code_version="test", storage_key="models/none", weights_digest="0" * 64, config=CONFIG,
        created_by=user_factory("mia"), state=ModelVersion.State.CANDIDATE,
    )  # fmt: skip


@pytest.mark.parametrize("state", [ModelVersion.State.CURRENT, ModelVersion.State.CANDIDATE])
def test_maps_are_stored_where_paint_is_the_current_model(
    project, paint_version, real_slide, run_jobs, settings, tmp_path, state
):
    paint_version.state = state
    paint_version.save()
    write_phantom(tmp_path / "slide.tif", width=1024, height=1024, seed=3)
    slide = real_slide(project, tmp_path / "slide.tif")
    run_jobs()
    job = Job.objects.get(kind="compute_features")
    assert (job.state, job.result["outcome"], job.progress) == (Job.State.SUCCEEDED, "described", 1)
    features = settings.STORAGE_ROOT / "features" / slide.sha256
    blocks = list(features.glob("efficientnet-lite0-*/maps-*/*.npy"))
    assert len(blocks) == (1 if state == ModelVersion.State.CURRENT else 0)
    assert list(features.glob("descriptors-*"))
