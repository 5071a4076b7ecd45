"""``manage.py part``: become one process of an installation whose parts run apart."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from server.config.parts import PARTS, part_environment


class Command(BaseCommand):
    """Replace this process by one part, so that signals reach it."""

    help = "Run one part of an installation: web server, a worker, or the sweep."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments; those after the name go to the part itself."""
        parser.add_argument("name", choices=sorted(PARTS))
        parser.add_argument("rest", nargs="*", help="after --: more arguments of the part, as --workers 2")

    def handle(self, *_: Any, **options: Any) -> None:
        """Start the part in the place of this process."""
        name = options["name"]
        settings.HOME.mkdir(parents=True, exist_ok=True)
        os.chdir(settings.ROOT)
        command = [sys.executable, *PARTS[name], *options["rest"]]
        os.execve(sys.executable, command, {**os.environ, **part_environment(name)})  # noqa: S606 - our own commands
