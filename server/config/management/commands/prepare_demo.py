"""``manage.py prepare_demo``: fill the demo project, and import the operator's slides."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from server.config.demo import (
    PHANTOM_SIZE,
    draw_phantom,
    ensure_demo_project,
    fetch_real_slide,
)
from server.projects.models import Project
from server.slides.models import Slide


class Command(BaseCommand):
    """Import of the demo slides, beside the web server, so that nobody waits for it."""

    help = "Fill the demo project; import the given slides."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments."""
        parser.add_argument("--slides", default="")
        parser.add_argument("--no-demo", action="store_true")

    def handle(self, *_: Any, **options: Any) -> None:
        """Import missing slides; safe to repeat."""
        if options["slides"] and not Path(options["slides"]).expanduser().exists():
            message = f"{options['slides']} does not exist."
            raise CommandError(message)
        project = ensure_demo_project()
        if not options["no_demo"]:
            self._import_demo(project)
        if options["slides"]:
            call_command("import_slides", options["slides"], project=str(project.pk))

    def _import_demo(self, project: Project) -> None:
        known = set(Slide.objects.filter(project=project).values_list("name", flat=True))
        if not any(name.startswith("CMU-1") for name in known):
            real = fetch_real_slide()
            if real is None:
                self.stdout.write("No network: the demo starts with the phantom alone.")
            else:
                call_command("import_slides", str(real), project=str(project.pk))
        if not any(name.startswith("Phantom") for name in known):
            self.stdout.write(f"Drawing the phantom, {PHANTOM_SIZE} x {PHANTOM_SIZE} pixels ...")
            call_command("import_slides", str(draw_phantom()), project=str(project.pk))
