"""Uploaded weights: accepted only as safetensors, resolved by name, used as a start."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from safetensors.numpy import save

from server.audit.models import AuditRecord
from server.core.errors import NotVisibleError
from server.registry.errors import WeightsMissingError
from server.registry.uploads import find_weights_named

pytestmark = pytest.mark.django_db

GOOD = save({"body.0.weight": np.zeros((2, 3), np.float32), "body.0.bias": np.ones(2, np.float32)})


@pytest.fixture
def project(project_factory):
    return project_factory(annotator="ann", manager="mia")


def upload(client, project, content=GOOD, name="liver", status=201, provenance="Our liver study, CC BY 4.0"):
    body = {"file": SimpleUploadedFile("w.safetensors", content), "name": name, "provenance": provenance}
    answer = client.post(f"/api/v1/projects/{project.pk}/weights", body, format="multipart")
    assert answer.status_code == status, answer.content
    return answer.json()


def with_header(header, data=b""):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + data


def test_a_manager_uploads_and_recipes_find_the_file_by_name(project, api, user_factory, project_factory):
    mia = user_factory("mia")
    uploaded = upload(api(mia), project)
    assert (uploaded["tensors"], uploaded["size"]) == (2, len(GOOD))
    listed = api(user_factory("ann")).get(f"/api/v1/projects/{project.pk}/weights").json()
    assert [item["id"] for item in listed] == [uploaded["id"]]
    path = find_weights_named(project, "weights: liver")
    assert path.read_bytes() == GOOD
    assert AuditRecord.objects.filter(action="uploaded_weights.create").count() == 1
    upload(api(mia), project, status=409)
    other = project_factory(manager="zoe")
    for where, name in ((project, "weights:lung"), (other, "weights:liver")):
        with pytest.raises(NotVisibleError):
            find_weights_named(where, name)
    path.unlink()
    with pytest.raises(WeightsMissingError):
        find_weights_named(project, "weights:liver")


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x04\x95pickled",
        b"abc",
        with_header(b"not json"),
        with_header([1]),
        with_header({"__metadata__": {"a": "b"}}),
        with_header({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}),
        with_header({"w": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}}, b"12345678"),
        with_header({"w": {"dtype": "OBJ", "shape": [2], "data_offsets": [0, 8]}}, b"12345678"),
        with_header({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 8]}}, b"12345678"),
        with_header({"w": []}, b"12345678"),
        with_header(b'{"w": {"dtype": "F32", "shape": [%s], "data_offsets": [0, 8]}}' % (b"9" * 5000)),
        with_header({"w": {"dtype": "F32", "shape": [1] * 17, "data_offsets": [0, 4]}}, b"1234"),
        with_header({str(n): {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for n in range(20_001)}),
        with_header(b" " * (2 * 2**20 + 1)),
        struct.pack("<Q", 2**40) + b"{}",
    ],
)
def test_an_invalid_safetensors_file_is_refused_and_leaves_no_file(
    content, project, api, user_factory, settings
):
    answer = upload(api(user_factory("mia")), project, content, status=422)
    assert answer["code"] == "bad_weights"
    assert "safetensors" in answer["detail"]
    folder = settings.STORAGE_ROOT / "uploaded-weights"
    assert not folder.exists() or not list(folder.iterdir())


@pytest.mark.parametrize("name", ["a/b", "weights: x", "", "x" * 101])
def test_a_name_is_a_name(name, project, api, user_factory):
    answer = upload(api(user_factory("mia")), project, name=name, status=400)
    assert set(answer["errors"]) == {"name"}
