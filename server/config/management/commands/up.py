"""``manage.py up``: a whole installation under one foreground process."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from server.config.celery import declare_queues
from server.config.demo import DEMO_PASSWORD, DEMO_USERS, ensure_first_users

log = logging.getLogger(__name__)

STOP_SECONDS = 10
# A part that lives shorter than this has something wrong with it that a new start does not mend.
SHORTEST_LIFE_SECONDS = 5
START_SECONDS = 60


class Command(BaseCommand):
    """Migrate, make the first users, start web server, workers and scheduler, and watch them."""

    help = "Start everything on this machine; Ctrl-C stops it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what may be chosen."""
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT") or 8000))
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--slides", default="", help="file or folder to import")
        parser.add_argument("--no-demo", action="store_true", help="start without demo project")

    def handle(self, *_: Any, **options: Any) -> None:
        """Run until a signal comes or a part dies."""
        started = time.monotonic()
        host, port = options["host"], options["port"]
        _require_free(host, port)
        settings.HOME.mkdir(parents=True, exist_ok=True)
        call_command("migrate", verbosity=0, interactive=False)
        new = ensure_first_users()
        stack = Stack(host, port)
        signal.signal(signal.SIGTERM, stack.stop_on_signal)
        signal.signal(signal.SIGINT, stack.stop_on_signal)
        try:
            stack.start()
            stack.wait_until_healthy()
            self._greet(host, port, time.monotonic() - started, new=new)
            stack.spawn("demo", _demo_command(options))
            stack.watch()
        finally:
            stack.stop()
            self.stdout.write("Stopped.")

    def _greet(self, host: str, port: int, seconds: float, *, new: bool) -> None:
        lines = [
            "",
            f"  Coverslip is up after {seconds:.1f} s:  http://{host}:{port}",
            "",
            "  Sign in as             password",
            *(f"    {name:<20} {DEMO_PASSWORD}" for name in DEMO_USERS),
            "",
            f"  Data: {settings.HOME}     Stop: Ctrl-C",
            "",
        ]
        if not new:
            lines.insert(-3, "  (or with the password that you changed it to)")
        self.stdout.write("\n".join(lines))
        self.stdout.flush()


def _demo_command(options: dict[str, Any]) -> list[str]:
    command = ["manage.py", "prepare_demo"]
    if options["no_demo"]:
        command.append("--no-demo")
    if options["slides"]:
        command += ["--slides", options["slides"]]
    return command


def _require_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            message = f"Port {port} on {host} is taken ({error.strerror}). Choose another: make run PORT=8001"
            raise CommandError(message) from error


@dataclass(frozen=True)
class Part:
    """One process of the installation, and how to start it again."""

    arguments: list[str]
    process: subprocess.Popen[bytes]
    started: float


class Stack:
    """The processes of one installation, each in its own group so that none is left behind."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self._parts: dict[str, Part] = {}
        self._stopping = False

    def start(self) -> None:
        """Start web server, workers and scheduler."""
        declare_queues()
        uvicorn = ["-m", "uvicorn", "server.config.asgi:application", "--host", self.host]
        self.spawn("web", [*uvicorn, "--port", str(self.port), "--log-level", "warning", "--no-access-log"])
        worker = ["-m", "celery", "--quiet", "-A", "server.config", "worker", "-l", "WARNING"]
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        schedule = str(Path(settings.HOME) / "beat-schedule")
        self.spawn(
            "worker-io",
            [*worker, *quiet, "-n", "io@%h", "-Q", "io", "-P", "threads", "-c", "2", "-B", "-s", schedule],
        )
        # A process of its own for computing; it stays warm, so that a quick round starts at once.
        self.spawn("worker-cpu", [*worker, *quiet, "-n", "cpu@%h", "-Q", "cpu", "-P", "solo"])
        self.spawn("worker-gpu", [*worker, *quiet, "-n", "gpu@%h", "-Q", "gpu", "-P", "solo"])

    def spawn(self, name: str, arguments: list[str]) -> None:
        """Start one part with this installation's environment."""
        environment = {
            **os.environ,
            "COVERSLIP_PART": name,
            # In a container everything runs as its only user, root, and static files are small:
            # neither is news to anybody.
            "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges,"
            "ignore:StreamingHttpResponse must consume synchronous iterators",
        }
        process = subprocess.Popen(  # noqa: S603 - our own commands
            [sys.executable, *arguments],
            cwd=settings.ROOT,
            env=environment,
            start_new_session=True,
        )
        self._parts[name] = Part(arguments, process, time.monotonic())

    def wait_until_healthy(self) -> None:
        """Wait for the web server's first answer; CommandError when a part dies before."""
        deadline = time.monotonic() + START_SECONDS
        address = f"http://{self.host}:{self.port}/api/v1/session"
        while time.monotonic() < deadline:
            self._require_alive()
            try:
                urllib.request.urlopen(address, timeout=2)
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.05)
            else:
                return
        message = "The web server did not answer within a minute."
        raise CommandError(message)

    def watch(self) -> None:
        """Sleep until a signal comes, starting parts again that died; their jobs are taken up again.

        Raises CommandError when a part dies right after its start.
        """
        while not self._stopping:
            for name, part in list(self._parts.items()):
                code = part.process.poll()
                if code is None or name == "demo" or self._stopping:
                    continue
                if time.monotonic() - part.started < SHORTEST_LIFE_SECONDS:
                    self._require_alive()
                log.warning("%s stopped with code %s and is started again", name, code)
                # What it had started dies with it, or two of a kind would work side by side.
                _signal(part.process, signal.SIGKILL)
                self.spawn(name, part.arguments)
            time.sleep(0.3)

    def _require_alive(self) -> None:
        for name, part in self._parts.items():
            code = part.process.poll()
            if code is not None and name != "demo" and not self._stopping:
                message = f"The part {name!r} stopped with code {code}; stopping the rest."
                raise CommandError(message)

    def stop_on_signal(self, _number: int, _frame: FrameType | None) -> None:
        """Remember that it is time to go."""
        self._stopping = True

    def stop(self) -> None:
        """End all parts: politely, then for good."""
        self._stopping = True
        processes = [part.process for part in self._parts.values()]
        for process in processes:
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for process in processes:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal(process, signal.SIGKILL)
                process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return
