"""nginx with the shipped configuration: its cache, and access to it."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import subprocess
import threading
import time

import httpx
import pytest
import uvicorn

from tests.nginx import find_nginx, write_configuration
from tests.server.slides.tiles.tile_material import colourful, store, write_jpeg_tiff


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Counting:
    """The application, counting received requests."""

    def __init__(self, application) -> None:
        self._application, self.paths = application, []

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            self.paths.append(scope["path"])
        await self._application(scope, receive, send)


@pytest.fixture
def nginx(settings, tmp_path):
    """Yield (client, requests received by the application, manifest of a slide)."""
    program = find_nginx()
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("nginx is missing (Debian: apt-get install nginx-light)")
        pytest.skip("nginx is missing (Debian: apt-get install nginx-light)")
    from server.slides.tiles.application import TileApplication

    write_jpeg_tiff(tmp_path / "slide.tif", colourful(600, 900), photometric="ycbcr")
    manifest = store(tmp_path / "slide.tif", tmp_path / "drawn")
    counting = Counting(TileApplication(slides=1, memory=0, threads=1))
    server = uvicorn.Server(uvicorn.Config(counting, port=0, log_level="error", lifespan="off", ws="none"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    wait_until(lambda: server.started)
    (tmp_path / "dist/assets").mkdir(parents=True)
    (tmp_path / "dist/assets/app.123.js").write_text("1;")
    port = free_port()
    main = write_configuration(
        tmp_path, listen=f"127.0.0.1:{port}", dist=str(tmp_path / "dist"), cache=str(tmp_path / "cache"),
        app="{}:{}".format(*server.servers[0].sockets[0].getsockname()),
    )  # fmt: skip
    process = subprocess.Popen([program, "-p", str(tmp_path), "-c", str(main)])
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            wait_until(lambda: answers(port))
            yield client, counting.paths, manifest
    finally:
        process.terminate()
        process.wait(10)
        server.should_exit = True
        thread.join(10)


def wait_until(what) -> None:
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_nginx_answers_again_what_was_granted_and_nothing_else(nginx):
    from server.slides.tiles.grants import issue_grant, sign

    client, reached, manifest = nginx
    grant = issue_grant(manifest.sha256)[0]
    address = f"/tiles/{manifest.sha256}/2/1/1.jpg"
    first = client.get(address, params={"grant": grant})
    assert first.status_code == 200
    assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert "x-accel-expires" not in first.headers
    for _ in range(3):
        assert client.get(address, params={"grant": grant}).content == first.content
    assert len(reached) == 1, "a cached tile reached the application"
    etag = {"If-None-Match": first.headers["etag"]}
    assert client.get(address, params={"grant": grant}, headers=etag).status_code == 304
    assert client.head(address, params={"grant": grant}).status_code == 200
    assert len(reached) == 1

    other = sign(manifest.sha256, int(time.time()) - 1)
    for wrong in ["", grant[:-1] + ("A" if grant[-1] != "A" else "B"), other, issue_grant("a" * 64)[0]]:
        for headers in ({}, etag):
            answer = client.get(address, params={"grant": wrong}, headers=headers)
            assert answer.status_code == 403
    assert client.get(address).status_code == 403
    assert len(reached) == 10, "a refusal was cached"


def test_nginx_keeps_a_tile_no_longer_than_its_grant(nginx):
    from server.slides.tiles.grants import sign

    client, reached, manifest = nginx
    lapses = int(time.time()) + 3
    address = f"/tiles/{manifest.sha256}/2/0/0.jpg?grant={sign(manifest.sha256, lapses)}"
    assert client.get(address).status_code == 200
    assert client.get(address).status_code == 200
    assert len(reached) == 1
    wait_until(lambda: time.time() > lapses + 1)
    assert client.get(address).status_code == 403


def test_nginx_refuses_a_large_body_in_the_words_of_the_application(nginx):
    client, reached, _ = nginx
    connection = http.client.HTTPConnection(client.base_url.host, client.base_url.port)
    connection.putrequest("POST", "/api/v1/projects")
    connection.putheader("Content-Length", str(34 * 2**20))
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Content-Type"]) == (413, "application/problem+json")
    assert answer.headers["Cache-Control"] == "no-store"
    assert json.load(answer)["code"] == "too_large"
    assert reached == []
    connection.close()


def test_nginx_serves_the_front_end_and_logs_no_grant(nginx, tmp_path):
    from server.slides.tiles.grants import issue_grant

    client, reached, manifest = nginx
    answer = client.get("/assets/app.123.js")
    assert (answer.status_code, answer.text) == (200, "1;")
    assert "immutable" in answer.headers["cache-control"]
    assert client.get("/assets/../../slide.tif").status_code in {400, 404}
    assert client.get("/assets/%2e%2e/%2e%2e/slide.tif").status_code in {400, 404}
    grant = issue_grant(manifest.sha256)[0]
    assert client.get(f"/tiles/{manifest.sha256}/2/0/0.jpg?grant={grant}").status_code == 200
    assert client.get("/api/v1/session").status_code == 404
    wait_until(lambda: "session" in (tmp_path / "access.log").read_text())
    assert grant not in (tmp_path / "access.log").read_text()
    assert (tmp_path / "error.log").read_text() == ""
    assert "/api/v1/session" in reached
