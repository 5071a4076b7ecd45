"""``manage.py read_resolution``: read the resolution of imported slides from their files again."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from server.accounts.models import User
from server.core.errors import DomainError
from server.slides.management.commands.import_slides import find_project
from server.slides.models import Slide
from server.slides.viewing.services import read_resolution_again


class Command(BaseCommand):
    """Read each file's resolution, as a new import would; corrections by managers stay."""

    help = "Read the resolution of imported slides again; corrections by managers stay in use."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments."""
        parser.add_argument("--project", default="", help="name or id; by default all projects")

    def handle(self, *_: Any, **options: Any) -> None:
        """Read every ready slide and print those that changed."""
        actor = User.objects.filter(is_superuser=True, is_active=True).order_by("date_joined").first()
        if actor is None:
            message = "There is no administrator; make one first."
            raise CommandError(message)
        slides = Slide.objects.filter(state=Slide.State.READY).select_related("project")
        if options["project"]:
            slides = slides.filter(project=find_project(options["project"]))
        changed = 0
        for slide in slides.order_by("created_at").iterator():
            try:
                after = read_resolution_again(actor=actor, slide=slide)
            except DomainError as error:
                self.stderr.write(f"{slide.name}: {error.detail}")
                continue
            if after.file_mpp_x != slide.file_mpp_x or after.file_mpp_y != slide.file_mpp_y:
                changed += 1
                stated = [f"{one.file_mpp_x} x {one.file_mpp_y} µm" for one in (slide, after)]
                self.stdout.write(f"{slide.name}: {stated[0]}, now {stated[1]}")
        self.stdout.write(f"Slides whose file states another resolution than before: {changed}")
