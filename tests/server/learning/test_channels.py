"""A round and a prediction on fluorescence slides with labels visible in the second channel only."""

from __future__ import annotations

import io
import uuid

import numpy as np
import pytest
from PIL import Image

from server.registry.models import ModelVersion
from tests.ml.materials.channel_material import ACROSS, BLOCK, LABELS, square_of, write_blocks, write_channels

# Files, pixels and networks are checked here, which no database changes.
pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

API = "/api/v1"
SMALL = {
    "encoder": "small", "patch": BLOCK, "stride": BLOCK, "pixels": 64, "epochs": 15, "patience": 15,
    "learning_rate": 0.01, "mpp": None,
}  # fmt: skip


def draw(client, slide, label, row, column):
    body = {
        "id": str(uuid.uuid4()),
        "label_id": str(label.pk),
        "shape": "polygon",
        "geometry": {"type": "Polygon", "coordinates": [square_of(row, column)]},
    }
    answer = client.post(f"{API}/slides/{slide.pk}/annotations", body, format="json")
    assert answer.status_code == 201, answer.json()


def test_a_round_on_fluorescence_learns_and_predicts_by_its_channels(
    project_factory, api, user_factory, label_factory, real_slide, slide_factory, run_jobs, tmp_path
):
    project = project_factory(annotator="ann", reviewer="rob", manager="mia")
    mia = api(user_factory("mia"))
    labels = [label_factory(project, name) for name in LABELS]
    for seed in range(3):
        positive = write_blocks(tmp_path / f"s{seed}.tif", seed)
        slide = real_slide(project, tmp_path / f"s{seed}.tif")
        if seed == 2:
            break
        for row in range(ACROSS):
            for column in range(ACROSS):
                draw(mia, slide, labels[int(positive[row, column])], row, column)
    write_channels(tmp_path / "nir.tif", np.full((2, 512, 512), 9, np.uint16), ("DAPI", "NIR"))
    other = real_slide(project, tmp_path / "nir.tif")
    plain = slide_factory(project, "colour")

    check = f"{API}/projects/{project.pk}/rounds/check"
    told = mia.post(check, {"recipe": "descriptors"}, format="json").json()
    assert "several_channels" in {problem["code"] for problem in told["blockers"]}
    body = {"recipe": "convolutional", "config": SMALL, "predict": False}
    answer = mia.post(f"{API}/projects/{project.pk}/rounds", body, format="json")
    assert answer.status_code == 201, answer.json()
    run_jobs()
    version = ModelVersion.objects.get()
    assert version.metrics["values"]["accuracy"]["value"] > 0.9
    assert "- Channel: CD3, from" in version.card

    # The slide that nobody labelled, and no slide that the model cannot read.
    rob = api(user_factory("rob"))
    address, wanted = f"{API}/projects/{project.pk}/predictions", {"model_version_id": str(version.pk)}
    jobs = rob.post(address, wanted, format="json").json()["jobs"]
    assert str(slide.pk) in {job["subject_id"] for job in jobs}
    assert not {str(other.pk), str(plain.pk)} & {job["subject_id"] for job in jobs}
    run_jobs()
    [made] = rob.get(f"{API}/slides/{slide.pk}/object-sets").json()["results"]
    heat_map = next(one for one in made["heat_maps"] if one["label_id"] == str(labels[1].pk))
    picture = rob.get(heat_map["png"])
    with Image.open(io.BytesIO(picture.getvalue())) as image:
        share = np.asarray(image)
    assert ((share > 127) == positive).mean() > 0.9
    for wrong, words in ((other, "DAPI, NIR"), (plain, "those of a colour image")):
        refused = rob.post(address, {**wanted, "slide_ids": [str(wrong.pk)]}, format="json")
        assert refused.status_code == 422
        assert refused.json()["code"] == "other_channels"
        assert words in refused.json()["detail"]
