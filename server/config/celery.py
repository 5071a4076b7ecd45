"""The Celery application. It carries job ids; kinds and states of jobs are in the jobs app."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import celeryd_init, worker_ready
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "server.config.settings.development")

app = Celery("coverslip")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

for folder in getattr(settings, "CELERY_BROKER_TRANSPORT_OPTIONS", {}).values():
    if isinstance(folder, str):
        Path(folder).mkdir(parents=True, exist_ok=True)

# What the first rounds need; importing it takes longer than such a round itself.
METHODS = {
    "worker-cpu": "ml.methods.patches.descriptors.recipe",
    "worker-gpu": "ml.methods.regions.paint.recipe",
}
WARM = ("server.learning.rounds.jobs", "server.inference.predicting", "server.inference.describing")


@celeryd_init.connect  # type: ignore[untyped-decorator]
def step_back(**_: Any) -> None:
    """Lower the priority of workers, so that tiles are served first."""
    os.nice(settings.WORKER_NICENESS)


@worker_ready.connect  # type: ignore[untyped-decorator]
def warm_up(**_: Any) -> None:
    """Import the modules of the first rounds, and of live painting, before the first message."""
    part = os.environ.get("COVERSLIP_PART")
    if part in METHODS:
        for module in (*WARM, METHODS[part]):
            importlib.import_module(module)
    if part == "worker-live":
        importlib.import_module("server.painting.live").warm_up()
