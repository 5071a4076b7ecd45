"""Uploads by an independent tus client against a running installation: cut off, resumed, raced."""

from __future__ import annotations

import hashlib
import io
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
import tifffile
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError

from tests.e2e.conftest import wait_for

pytestmark = pytest.mark.stack

CHUNK = 64 * 1024
numbers = itertools.count()


@pytest.fixture(scope="module")
def project(installation):
    admin = installation.client("admin")
    [demo] = [p for p in admin.get("/projects").json()["results"] if p["name"] == "Demo"]
    return demo["id"]


def token_of(installation, username):
    answer = installation.client(username).post(
        "/tokens", json={"name": f"tus {next(numbers)}", "scope": "write"}
    )
    assert answer.status_code == 201
    return {"Authorization": f"Token {answer.json()['secret']}"}


@pytest.fixture(scope="module")
def headers(installation):
    return token_of(installation, "manager")


@pytest.fixture
def tus(installation, headers):
    return TusClient(f"{installation.address}/api/v1/uploads", headers=headers)


def a_slide(seed):
    """A small tiled TIFF that no other test uses."""
    sink = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (512, 768, 3), dtype=np.uint8)
    tifffile.imwrite(sink, pixels, tile=(256, 256), photometric="rgb", compression="deflate")
    return sink.getvalue()


def uploader(tus, content, project, name, **kwargs):
    metadata = {"project": project, "filename": name}
    return tus.uploader(
        file_stream=io.BytesIO(content), chunk_size=CHUNK, metadata=metadata, retries=0, **kwargs
    )


def slide_named(installation, project, name):
    rows = installation.client("manager").get(f"/projects/{project}/slides", params={"search": name}).json()
    return next(iter(rows["results"]), None)


def ready(installation, project, name):
    def is_ready():
        slide = slide_named(installation, project, name)
        return slide if slide and slide["state"] != "importing" else None

    return wait_for(is_ready)


def test_an_independent_client_uploads_is_cut_off_and_goes_on(installation, project, tus):
    content = a_slide(1)
    assert len(content) > 4 * CHUNK
    first = uploader(tus, content, project, "cut off.tif")
    first.upload_chunk()
    first.upload_chunk()
    assert first.offset == 2 * CHUNK
    # Another process, later: all that it has is the address.
    second = uploader(tus, content, project, "cut off.tif", url=first.url)
    assert second.offset == 2 * CHUNK
    second.upload()
    slide = ready(installation, project, "cut off")
    assert slide["state"] == "ready", slide["failure"]
    assert slide["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_connection_that_breaks_in_the_middle_of_a_request_loses_no_good_byte(
    installation, project, tus, headers
):
    content = a_slide(2)
    begun = uploader(tus, content, project, "broken line.tif")
    begun.upload_chunk()

    class LineDownError(Exception):
        pass

    def half_a_request():
        yield content[CHUNK : CHUNK + 1000]
        raise LineDownError

    patch = {"Upload-Offset": str(CHUNK), "Content-Type": "application/offset+octet-stream",
             "Content-Length": str(CHUNK), **headers}  # fmt: skip
    with pytest.raises(LineDownError):
        httpx.patch(begun.url, content=half_a_request(), headers=patch)
    again = uploader(tus, content, project, "broken line.tif", url=begun.url)
    assert CHUNK <= again.offset <= CHUNK + 1000
    again.upload()
    slide = ready(installation, project, "broken line")
    assert slide["sha256"] == hashlib.sha256(content).hexdigest()


def test_wrong_places_wrong_people_and_too_much_are_refused(installation, project, tus, headers):
    content = a_slide(3)
    begun = uploader(tus, content, project, "refused.tif")
    begun.upload_chunk()
    patch = {"Content-Type": "application/offset+octet-stream", **headers}
    ahead = httpx.patch(begun.url, content=b"x", headers={**patch, "Upload-Offset": "7"})
    assert (ahead.status_code, ahead.json()["code"]) == (409, "offset_mismatch")
    more = httpx.patch(begun.url, content=bytes(len(content)), headers={**patch, "Upload-Offset": str(CHUNK)})
    assert (more.status_code, more.json()["code"]) == (413, "too_large")
    other = TusClient(f"{installation.address}/api/v1/uploads", headers=token_of(installation, "admin"))
    with pytest.raises(TusCommunicationError):
        uploader(other, content, project, "refused.tif", url=begun.url)
    reviewer = TusClient(f"{installation.address}/api/v1/uploads", headers=token_of(installation, "reviewer"))
    with pytest.raises(TusCommunicationError) as refused:
        uploader(reviewer, content, project, "refused.tif").upload()
    assert refused.value.status_code == 403
    with pytest.raises(TusCommunicationError):
        TusClient(f"{installation.address}/api/v1/uploads").uploader(
            file_stream=io.BytesIO(content), metadata={"project": project, "filename": "a.tif"}
        ).upload()
    # What was refused has changed nothing: it goes on from where it was.
    rest = uploader(tus, content, project, "refused.tif", url=begun.url)
    rest.upload()
    slide = ready(installation, project, "refused")
    assert slide["sha256"] == hashlib.sha256(content).hexdigest()


def test_two_tabs_that_send_the_same_bytes_at_once_do_not_mix_them(installation, project, tus, headers):
    content = a_slide(4)
    begun = uploader(tus, content, project, "two tabs.tif")
    begun.set_url(begun.create_url())
    gate = threading.Barrier(4)

    def send(_):
        gate.wait()
        patch = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream", **headers}
        return httpx.patch(begun.url, content=content, headers=patch, timeout=30).status_code

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(send, range(4)))
    assert answers[0] == 204
    assert set(answers[1:]) == {409}
    slide = ready(installation, project, "two tabs")
    assert slide["sha256"] == hashlib.sha256(content).hexdigest()


def test_the_same_content_twice_at_once_is_one_slide(installation, project, tus):
    content = a_slide(5)
    gate = threading.Barrier(2)

    def bring(number):
        mine = uploader(tus, content, project, f"twin {number}.tif")
        gate.wait()
        mine.upload()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(bring, (1, 2)))
    manager = installation.client("manager")

    def imports():
        rows = manager.jobs(project=project, kind="import_slide")
        mine = [row for row in rows if "twin" in row["title"]["text"]]
        return mine if all(row["state"] == "succeeded" for row in mine) else None

    outcomes = sorted(row["result"]["outcome"] for row in wait_for(imports))
    assert outcomes == ["duplicate", "imported"]
    slides = manager.get(f"/projects/{project}/slides", params={"search": "twin"}).json()
    assert slides["count"] == 1
