"""``manage.py recount_learning``: recount the training material of rounds."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from server.learning.summaries.services import recount_slide
from server.slides.models import Slide


class Command(BaseCommand):
    """Replace the stored counts of every slide, or of one project's, by new ones from all shapes."""

    help = "Count again the annotations and finished regions that rounds would learn from."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments."""
        parser.add_argument("--project", help="id of a project; without it all are counted")

    def handle(self, *_: Any, **options: Any) -> None:
        """Count slide by slide, each in its own transaction."""
        slides = Slide.objects.filter(state=Slide.State.READY).select_related("project").defer("tissue")
        if options["project"]:
            slides = slides.filter(project=options["project"])
        for slide in slides.order_by("pk"):
            recount_slide(slide)
