"""Bodies over a real socket: none is read before the response, and an interrupted upload keeps its bytes."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time

import pytest
import uvicorn
from django.core.files.uploadedfile import SimpleUploadedFile

from server.accounts.services import create_token
from server.config.bodies import MOST_BYTES, MOST_FILE_BYTES, SMALL, body_limit
from server.core.files.storage import storage_path
from server.slides.models import Upload
from tests.server.slides.conftest import begin

pytestmark = pytest.mark.django_db(transaction=True)

API = "/api/v1"
PART = 64 * 2**10
# Sockets of senders, which the end of the server closes.
OPENED: list[socket.socket] = []


class Counting:
    """The application, counting the bytes of bodies that it read from the server."""

    def __init__(self, application) -> None:
        self._application, self.taken = application, 0

    async def __call__(self, scope, receive, send):
        async def counted():
            message = await receive()
            self.taken += len(message.get("body", b""))
            return message

        await self._application(scope, counted, send)


@pytest.fixture
def counting():
    from server.config.asgi import application

    return Counting(application)


@pytest.fixture
def port(counting):
    """Run the whole application under uvicorn, in a thread."""
    config = uvicorn.Config(counting, port=0, log_level="error", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    until(lambda: server.started)
    yield server.servers[0].sockets[0].getsockname()[1]
    while OPENED:
        OPENED.pop().close()
    server.should_exit = True
    thread.join(20)


def until(what) -> None:
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Sender:
    """A client that sends a request in pieces."""

    def __init__(self, port, method, path, length, **headers) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        OPENED.append(self.socket)
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sizes = {"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": length}
        lines += [f"{name}: {value}" for name, value in {**named, **sizes}.items()]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())

    def send(self, content) -> None:
        self.socket.sendall(content)

    def send_until_closed(self, parts) -> int:
        """Send without reading a response, as some clients do; return the number of accepted parts."""
        for number in range(parts):
            try:
                self.send(b"x" * PART)
            except OSError:
                return number
        return parts

    def answer(self):
        """Return (status, headers, body)."""
        content = b""
        while b"\r\n\r\n" not in content:
            content += self._more()
        head, body = content.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        while "content-length" in headers and len(body) < int(headers["content-length"]):
            body += self._more()
        return int(lines[0].split()[1]), headers, body

    def _more(self) -> bytes:
        part = self.socket.recv(PART)
        assert part, "the connection ended before the answer"
        return part

    def leave(self) -> None:
        self.socket.close()


@pytest.fixture
def project(project_factory):
    return project_factory(manager="mia")


@pytest.fixture
def token(project, user_factory):
    return create_token(actor=user_factory("mia"), name="a test", scope="write")[1]


@pytest.fixture
def upload(project, api, user_factory):
    assert begin(api(user_factory("mia")), project, 300 * 2**20).status_code == 201
    return Upload.objects.get()


def patch(port, upload, length, **headers):
    return Sender(
        port, "PATCH", f"{API}/uploads/{upload.pk}", length, Upload_Offset=0, Tus_Resumable="1.0.0",
        Content_Type="application/offset+octet-stream", **headers,
    )  # fmt: skip


def test_a_strangers_upload_is_refused_before_its_body(port, upload, counting):
    sender = patch(port, upload, 300 * 2**20)
    status, headers, body = sender.answer()
    assert (status, headers["connection"]) == (401, "close")
    assert json.loads(body)["code"] == "not_authenticated"
    assert counting.taken == 0
    sender.leave()
    pushing = patch(port, upload, 300 * 2**20)
    assert pushing.send_until_closed(4800) < 4800
    assert counting.taken < 2 * 2**20
    assert storage_path(upload.storage_key).stat().st_size == 0


@pytest.mark.parametrize(
    ("path", "length"),
    [("session", SMALL + 1), ("projects", MOST_BYTES + 1), ("uploads", 200 * 2**30)],
)
def test_a_length_beyond_the_limit_is_refused_by_the_header(path, length, port, counting):
    status, _, body = Sender(port, "POST", f"{API}/{path}", length).answer()
    problem = json.loads(body)
    assert (status, problem["code"], problem["message"]["code"]) == (413, "too_large", "request_too_large")
    assert counting.taken == 0


def test_a_length_beyond_that_of_the_upload_is_refused_by_the_header(port, upload, token, counting):
    status, _, body = patch(port, upload, upload.length + 1, Authorization=f"Token {token}").answer()
    assert (status, json.loads(body)["message"]["code"]) == (413, "more_than_announced")
    assert counting.taken == 0


def test_an_upload_of_unknown_length_ends_at_its_declared_one(
    port, project, token, counting, api, user_factory
):
    assert begin(api(user_factory("mia")), project, 4 * PART).status_code == 201
    upload = Upload.objects.get()
    sender = patch(port, upload, None, Authorization=f"Token {token}")
    for _ in range(8):
        sender.send(b"%x\r\n%s\r\n" % (PART, b" " * PART))
    status, _, body = sender.answer()
    assert (status, json.loads(body)["message"]["code"]) == (413, "more_than_announced")
    assert storage_path(upload.storage_key).stat().st_size <= 4 * PART


def test_a_body_of_unknown_length_ends_at_the_limit_of_its_address(
    port, upload, token, monkeypatch, settings
):
    settings.UPLOAD_MAX_BYTES = 3 * PART
    sender = patch(port, upload, None, Authorization=f"Token {token}")
    for _ in range(8):
        sender.send(b"%x\r\n%s\r\n" % (PART, b" " * PART))
    status, _, body = sender.answer()
    assert (status, json.loads(body)["message"]["code"]) == (413, "request_too_large")


def test_a_cut_upload_keeps_what_arrived(port, upload, token, api, user_factory):
    path = storage_path(upload.storage_key)
    content = bytes(range(256)) * 4096
    sender = patch(port, upload, 2 * len(content), Authorization=f"Token {token}")
    sender.send(content)
    until(lambda: path.stat().st_size == len(content))
    sender.leave()
    mia = api(user_factory("mia"))
    assert mia.head(f"{API}/uploads/{upload.pk}")["Upload-Offset"] == str(len(content))
    assert path.read_bytes() == content

    def resume():
        again = patch(port, upload, 3, Authorization=f"Token {token}")
        again.send(b"abc")
        return again.answer()

    assert resume()[0] == 409
    again = Sender(
        port, "PATCH", f"{API}/uploads/{upload.pk}", 3, Upload_Offset=len(content),
        Content_Type="application/offset+octet-stream", Authorization=f"Token {token}",
    )  # fmt: skip
    again.send(b"abc")
    status, headers, _ = again.answer()
    assert (status, headers["upload-offset"]) == (204, str(len(content) + 3))


def test_a_large_form_is_read_after_the_sign_in_and_arrives_whole(port, project, token, slide_factory):
    """Django's parser of forms reads the same stream."""
    import httpx

    slide = slide_factory(project)
    square = [[10, 10], [90, 10], [90, 90], [10, 90], [10, 10]]
    shapes = [
        {"type": "Feature", "properties": {"name": f"{'n' * 500}{number}"},
         "geometry": {"type": "Polygon", "coordinates": [square]}}
        for number in range(400)
    ]  # fmt: skip
    file = SimpleUploadedFile("a.geojson", json.dumps(shapes).encode())
    assert file.size > 3 * SMALL
    address = f"http://127.0.0.1:{port}{API}/slides/{slide.pk}/import"
    with httpx.Client(headers={"Authorization": f"Token {token}"}, timeout=60) as client:
        answer = client.post(address, files={"file": ("a.geojson", file.read())})
        assert (answer.status_code, answer.json()["created"]) == (200, 400)
        for size in (10, SMALL - 50, 5 * SMALL):
            body = {"name": f"of {size}", "description": "d" * (size - 10)}
            made = client.post(f"http://127.0.0.1:{port}{API}/projects", json=body)
            assert made.status_code < 500


def test_nginx_and_the_application_agree_on_the_limits():
    from tests.nginx import TEMPLATE

    text = TEMPLATE.read_text()
    assert body_limit("/api/v1/session") == SMALL == 64 * 2**10
    assert "client_max_body_size 64k;" in text
    for path in ("projects/1/weights", "slides/1/import", "slides/1/import/preview"):
        assert body_limit(f"{API}/{path}") == MOST_FILE_BYTES == 8193 * 2**20
    assert "client_max_body_size 8193m;" in text
    assert body_limit(f"{API}/projects") == MOST_BYTES == 32 * 2**20
    assert "client_max_body_size 32m;" in text
