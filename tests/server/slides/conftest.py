"""Slides uploaded by the tus protocol, through the API."""

from __future__ import annotations

import base64

import pytest

API = "/api/v1"


def metadata(**pairs: str) -> str:
    """Write an ``Upload-Metadata`` header."""
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in pairs.items())


def begin(client, project, length, filename="slide.svs", **extra):
    """Begin an upload; return the answer."""
    return client.post(
        f"{API}/uploads",
        HTTP_TUS_RESUMABLE="1.0.0",
        HTTP_UPLOAD_LENGTH=str(length),
        HTTP_UPLOAD_METADATA=metadata(project=str(project.pk), filename=filename, **extra),
    )


def append(client, location, content, offset=0):
    """Append bytes to an upload; return the answer."""
    return client.patch(
        location,
        content,
        content_type="application/offset+octet-stream",
        HTTP_TUS_RESUMABLE="1.0.0",
        HTTP_UPLOAD_OFFSET=str(offset),
    )


def send(client, project, path, **extra):
    """Upload a whole file; return the last answer."""
    content = path.read_bytes()
    begun = begin(client, project, len(content), extra.pop("filename", path.name), **extra)
    assert begun.status_code == 201, begun.json()
    done = append(client, begun["Location"], content)
    assert done.status_code == 204, done.json()
    return done


@pytest.fixture
def project(project_factory):
    return project_factory(annotator="ann", reviewer="rob", manager="mia")


@pytest.fixture
def mia(api, user_factory, project):
    return api(user_factory("mia"))


@pytest.fixture
def gallery(mia, project):
    """Return the slides of the project as the API lists them, by name."""

    def slides():
        return mia.get(f"{API}/projects/{project.pk}/slides").json()["results"]

    return slides
