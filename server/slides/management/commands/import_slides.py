"""``manage.py import_slides PATH``: import the slides of a file or folder of this machine."""

from __future__ import annotations

import uuid
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ml.slides.files.companions import files_of_slide
from server.accounts.models import User
from server.core.files.storage import flush, link_or_copy, make_folder, storage_path
from server.projects.models import Project
from server.slides.imports.intake import sort_files
from server.slides.services import register_slide


class Command(BaseCommand):
    """Start an import job for each slide in the paths; the files stay in place."""

    help = "Import the slides of a file or folder into a project."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments."""
        parser.add_argument("path", help="a slide, or a folder with slides in it")
        parser.add_argument("--project", default="", help="name or id; by default the only one")
        parser.add_argument("--case", default="", help="one case for all of them")

    def handle(self, *_: Any, **options: Any) -> None:
        """Register the slides."""
        path = Path(options["path"]).expanduser().resolve()
        if not path.exists():
            message = f"{path} does not exist."
            raise CommandError(message)
        project = find_project(options["project"])
        actor = User.objects.filter(is_superuser=True, is_active=True).order_by("date_joined").first()
        if actor is None:
            message = "There is no administrator; make one first."
            raise CommandError(message)
        slides, ignored = sort_files(_files(path))
        for item in slides:
            keys = {}
            for target, name in item.files.items():
                keys[target] = f"uploads/{uuid.uuid4()}"
                source = (path if path.is_dir() else path.parent) / name
                stored = storage_path(keys[target])
                make_folder(stored.parent)
                link_or_copy(source, stored)
                for written in (stored, stored.parent):
                    flush(written)
            slide = register_slide(actor=actor, project=project, intake=item, keys=keys, case=options["case"])
            self._say(options, f"Importing {slide.name}")
        for left in ignored:
            self._say(options, f"Left out {left.name}: {left.reason}")
        if not slides:
            message = f"There is no slide in {path}."
            raise CommandError(message)

    def _say(self, options: dict[str, Any], line: str) -> None:
        if options["verbosity"] > 0:
            self.stdout.write(line)


def _files(path: Path) -> dict[str, Path]:
    if path.is_file():
        return files_of_slide(path)
    return {
        member.relative_to(path).as_posix(): member for member in sorted(path.rglob("*")) if member.is_file()
    }


def find_project(text: str) -> Project:
    """Return a project by name or id, by default the only one; raises CommandError."""
    projects = Project.objects.all()
    if text:
        try:
            projects = projects.filter(pk=uuid.UUID(text))
        except ValueError:
            projects = projects.filter(name=text)
    if projects.count() != 1:
        names = ", ".join(Project.objects.values_list("name", flat=True)) or "none"
        message = f"Name one project with --project; there are: {names}."
        raise CommandError(message)
    return projects.get()
