"""``manage.py up``: a whole installation under one foreground process."""

from __future__ import annotations

import ipaddress
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from argparse import ArgumentParser
from dataclasses import dataclass
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from server.config.demo import (
    DEMO_PASSWORD,
    DEMO_USERS,
    ensure_first_users,
    replace_default_passwords,
)
from server.config.parts import PARTS, part_environment

log = logging.getLogger(__name__)

STOP_SECONDS = 10
# A part that lives shorter than this is started again later each time: a full disk may last.
SHORTEST_LIFE_SECONDS = 5
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 60
START_SECONDS = 60


class Command(BaseCommand):
    """Migrate, create the first users, start and supervise web server, workers and scheduler."""

    help = "Start everything on this machine; Ctrl-C stops it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments."""
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT") or 8000))
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--slides", default="", help="file or folder to import")
        parser.add_argument("--no-demo", action="store_true", help="start without demo project")

    def handle(self, *_: Any, **options: Any) -> None:
        """Run until a signal arrives or a part dies."""
        started = time.monotonic()
        host, port = options["host"], options["port"]
        _require_free(host, port)
        settings.HOME.mkdir(parents=True, exist_ok=True)
        call_command("migrate", verbosity=0, interactive=False)
        passwords = _set_passwords(host)
        stack = Stack(host, port)
        signal.signal(signal.SIGTERM, stack.stop_on_signal)
        signal.signal(signal.SIGINT, stack.stop_on_signal)
        try:
            stack.start()
            stack.wait_until_healthy()
            self._greet(host, port, time.monotonic() - started, passwords)
            stack.spawn("demo", _demo_command(options))
            stack.watch()
        finally:
            stack.stop()
            self.stdout.write("Stopped.")

    def _greet(self, host: str, port: int, seconds: float, passwords: dict[str, str]) -> None:
        lines = [
            "",
            f"  Coverslip is up after {seconds:.1f} s:  http://{host}:{port}",
            "",
        ]
        if passwords:
            lines += [
                "  Sign in as             password",
                *(f"    {name:<20} {password}" for name, password in passwords.items()),
                "  (or the password that you changed it to)",
                "",
            ]
        lines += [f"  Data: {settings.HOME}     Stop: Ctrl-C", ""]
        self.stdout.write("\n".join(lines))
        self.stdout.flush()


def _set_passwords(host: str) -> dict[str, str]:
    """Create the first users, and return the passwords to print by user name.

    The default password is for a server that only this machine reaches: elsewhere one is generated, also
    for first users who still have the default.
    """
    if _is_loopback(host):
        ensure_first_users(DEMO_PASSWORD)
        return dict.fromkeys(DEMO_USERS, DEMO_PASSWORD)
    password = secrets.token_urlsafe(12)
    new = list(DEMO_USERS) if ensure_first_users(password) else replace_default_passwords(password)
    return dict.fromkeys(new, password)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


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


@dataclass
class Part:
    """One process of the installation, and how to start it again."""

    arguments: list[str]
    process: subprocess.Popen[bytes]
    started: float
    # How often in a row it died right after its start.
    failures: int = 0

    def pause(self) -> float:
        """Return the seconds to wait before the next start."""
        if not self.failures:
            return 0
        return float(min(FIRST_PAUSE_SECONDS * 2 ** (self.failures - 1), LONGEST_PAUSE_SECONDS))


class Stack:
    """The processes of one installation, each in its own group so that none is left behind."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self._parts: dict[str, Part] = {}
        self._stopping = False

    def start(self) -> None:
        """Start web server, workers and scheduler."""
        for name, arguments in PARTS.items():
            self.spawn(name, [*arguments, *(self._address() if name == "web" else ())])

    def _address(self) -> list[str]:
        return ["--host", self.host, "--port", str(self.port), "--log-level", "warning"]

    def spawn(self, name: str, arguments: list[str], failures: int = 0) -> None:
        """Start one part with this installation's environment."""
        environment = {**os.environ, **part_environment(name)}
        process = subprocess.Popen(  # noqa: S603 - our own commands
            [sys.executable, *arguments],
            cwd=settings.ROOT,
            env=environment,
            start_new_session=True,
        )
        self._parts[name] = Part(arguments, process, time.monotonic(), failures)

    def wait_until_healthy(self) -> None:
        """Wait for the web server's first response; CommandError when it dies before."""
        deadline = time.monotonic() + START_SECONDS
        address = f"http://{self.host}:{self.port}/api/v1/session"
        while time.monotonic() < deadline:
            code = self._parts["web"].process.poll()
            if code is not None and not self._stopping:
                message = f"The web server stopped with code {code}; stopping the rest."
                raise CommandError(message)
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
        """Wait for a signal, and restart parts that died; their jobs are resumed."""
        starts: dict[str, float] = {}
        while not self._stopping:
            for name, part in list(self._parts.items()):
                code = part.process.poll()
                if code is None or name == "demo" or self._stopping:
                    continue
                now = time.monotonic()
                if name not in starts:
                    lived = now - part.started
                    part.failures = part.failures + 1 if lived < SHORTEST_LIFE_SECONDS else 0
                    starts[name] = now + part.pause()
                    log.warning(
                        "%s stopped with code %s and is started again in %.1f s", name, code, part.pause()
                    )
                    # What it had started dies with it, or two of a kind would work side by side.
                    _signal(part.process, signal.SIGKILL)
                if now >= starts[name]:
                    del starts[name]
                    self.spawn(name, part.arguments, part.failures)
            time.sleep(0.3)

    def stop_on_signal(self, _number: int, _frame: FrameType | None) -> None:
        """Set the flag that ends the command."""
        self._stopping = True

    def stop(self) -> None:
        """End all parts: by SIGTERM, then by SIGKILL."""
        self._stopping = True
        processes = [part.process for part in self._parts.values()]
        for process in processes:
            # The part alone: it ends what it has started, and hands back its job.
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in processes:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("process %s did not stop within %s s and is killed", process.pid, STOP_SECONDS)
            # What it has started goes too.
            _signal(process, signal.SIGKILL)
            process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return
