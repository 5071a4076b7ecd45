"""The services of the compose file as plain processes: its commands, its environment file and its nginx."""

from __future__ import annotations

import base64
import io
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
import tifffile
import yaml

from server.config.parts import PARTS
from tests.e2e.conftest import ROOT, _drop_database, _own_database, wait_for
from tests.nginx import find_nginx, write_configuration

pytestmark = pytest.mark.services

FOLDER = ROOT / "deploy/compose"
PASSWORD = "a long test password"
FIRST = ("createsuperuser", "--no-input", "--username", "root", "--email", "root@localhost")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def trust(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate / "certificate.pem")


def read_environment(name: str, **values: str) -> dict[str, str]:
    """Return the variables of an environment file, its empty lines filled in with ``values``."""
    lines = [line for line in (FOLDER / name).read_text().splitlines() if line and not line.startswith("#")]
    file = dict(line.split("=", 1) for line in lines)
    empty = {key for key, value in file.items() if not value}
    assert empty <= values.keys(), empty - values.keys()
    return file | values


@pytest.fixture(scope="module")
def compose() -> dict:
    return yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    """Write certificate.pem and key.pem as an operator who tries it out does; return their folder."""
    folder = tmp_path_factory.mktemp("tls")
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject, *files]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> dict[str, str]:
    """The environment file, filled in for this machine: its own database, broker and addresses."""
    database = os.environ.get("DATABASE_URL")
    broker = os.environ.get("CELERY_BROKER_URL", "")
    if not database or not broker.startswith("redis"):
        pytest.fail("name a PostgreSQL and a Redis: DATABASE_URL=... CELERY_BROKER_URL=redis://...")
    own = _own_database(database)
    # Another number than those of the installation that other tests share.
    redis = broker.rpartition("/")[0]
    port = free_port()
    yield {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")},
        **read_environment(
            "coverslip.env.example",
            SECRET_KEY=secrets.token_urlsafe(50),
            ALLOWED_HOSTS="localhost",
            CSRF_TRUSTED_ORIGINS=f"https://localhost:{port}",
            DATABASE_URL=own,
            CELERY_BROKER_URL=f"{redis}/5",
            TILE_CACHE_URL=f"{redis}/6",
            TRUSTED_PROXIES="127.0.0.1",
        ),
        "DJANGO_SETTINGS_MODULE": "server.config.settings.production",
        "COVERSLIP_HOME": str(tmp_path_factory.mktemp("compose")),
        "TEST_PORT": str(port),
        "JOB_HEARTBEAT_SECONDS": "1",
    }
    _drop_database(own)


def manage(environment, *arguments, **more) -> None:
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment | more, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def services(compose, environment, certificate, tmp_path_factory):
    """Start every service of the file that is ours, in the order that it asks for; yield the address."""
    folder = tmp_path_factory.mktemp("services")
    web = f"127.0.0.1:{free_port()}"
    manage(environment, *compose["migrate"]["command"])
    manage(environment, *FIRST, DJANGO_SUPERUSER_PASSWORD=PASSWORD)
    running = {}
    for name, service in compose.items():
        if service.get("image") != "coverslip" or name == "migrate":
            continue
        command = [word.replace("0.0.0.0", "127.0.0.1") for word in service["command"]]
        command = [word.replace("8000", web.rpartition(":")[2]) for word in command]
        extra = service.get("environment", {}) | {"COMPUTE_DEVICE": "cpu"}
        with (folder / f"{name}.log").open("wb") as log:
            running[name] = subprocess.Popen(
                [sys.executable, "manage.py", *command],
                cwd=ROOT, env=environment | extra, stdout=log, stderr=log,
            )  # fmt: skip
    values = compose["nginx"]["environment"]
    (folder / "dist").mkdir()
    main = write_configuration(
        folder,
        listen=values["COVERSLIP_LISTEN"].replace("8443", environment["TEST_PORT"]),
        app=web,
        dist=str(folder / "dist"),
        cache=str(folder / "cache"),
    )
    # What the compose file mounts to /etc/nginx.
    text = (folder / "coverslip.conf").read_text().replace("/etc/nginx", str(folder))
    (folder / "coverslip.conf").write_text(text)
    tls = (FOLDER / "coverslip.tls.conf").read_text().replace("/etc/nginx/tls", str(certificate))
    (folder / "coverslip.tls.conf").write_text(tls)
    program = find_nginx() or pytest.fail("nginx is missing (Debian: apt-get install nginx-light)")
    running["nginx"] = subprocess.Popen([program, "-p", str(folder), "-c", str(main)])
    address = f"https://localhost:{environment['TEST_PORT']}"
    try:
        with httpx.Client(verify=trust(certificate)) as probe:

            def healthy():
                for name, process in running.items():
                    assert process.poll() is None, (name, (folder / f"{name}.log").read_text())
                try:
                    return probe.get(f"{address}/healthz").status_code == 200
                except httpx.TransportError:
                    return False

            wait_for(healthy)
        yield address, running
    finally:
        for process in running.values():
            process.send_signal(signal.SIGTERM)
        codes = {name: process.wait(30) for name, process in running.items()}
    # As in a container: SIGTERM alone ends each of them, within the grace of the compose file.
    assert all(code in (0, -signal.SIGTERM) for code in codes.values()), codes


@pytest.fixture
def client(services, certificate):
    address, _ = services
    context = trust(certificate)
    head = {"Referer": address}
    with httpx.Client(base_url=f"{address}/api/v1", verify=context, headers=head, timeout=30) as http:
        me = http.post("/session", json={"username": "root", "password": PASSWORD})
        assert me.status_code == 200, me.text
        http.headers["X-CSRFToken"] = me.json()["csrf_token"]
        yield http


def test_every_part_is_a_service(compose):
    commands = [service["command"] for service in compose.values() if service.get("image") == "coverslip"]
    assert {command[1] for command in commands if command[0] == "part"} == set(PARTS)


def test_an_empty_value_of_the_environment_files_is_asked_for():
    for name in ("coverslip.env.example", "database.env.example"):
        with pytest.raises(AssertionError):
            read_environment(name)


def test_a_slide_is_uploaded_and_its_jobs_end(client):
    project = client.post("/projects", json={"name": "Compose"}).json()["id"]
    pixels = np.random.default_rng(5).integers(0, 255, (512, 768, 3), dtype=np.uint8)
    sink = io.BytesIO()
    tifffile.imwrite(sink, pixels, tile=(256, 256), photometric="rgb", compression="deflate")
    content = sink.getvalue()
    names = {"project": project, "filename": "slide.tif"}
    metadata = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in names.items())
    head = {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(content)), "Upload-Metadata": metadata}
    made = client.post("/uploads", headers=head)
    assert made.status_code == 201, made.text
    body = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    assert (
        client.patch(
            made.headers["Location"].removeprefix("/api/v1"), headers=body, content=content
        ).status_code
        == 204
    )

    def ended():
        jobs = client.get("/jobs", params={"project": project}).json()["results"]
        assert not [job for job in jobs if job["state"] == "failed"], jobs
        return jobs and all(job["state"] == "succeeded" for job in jobs)

    wait_for(ended)
    [slide] = client.get(f"/projects/{project}/slides").json()["results"]
    assert slide["state"] == "ready"


@pytest.mark.usefixtures("services")
def test_the_health_check_of_the_image_passes_and_fails(environment):
    command = [sys.executable, str(ROOT / "deploy/image/healthy.py"), "worker"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lost = environment | {"CELERY_BROKER_URL": "redis://127.0.0.1:1/0"}
    done = subprocess.run(command, env=lost, capture_output=True, text=True)
    assert done.returncode == 1
    assert "ConnectionError" in done.stderr
