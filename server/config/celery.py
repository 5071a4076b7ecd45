"""The messenger. It carries job ids; what a job is and how it stands is in the jobs app."""

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

# What a quick round needs; importing it takes longer than the round itself.
WARM = ("server.learning.rounds", "server.inference.predicting", "server.inference.describing")


def declare_queues() -> None:
    """Make the queues that lie in files before anybody sends or listens: two at once damage one."""
    if not settings.CELERY_BROKER_URL.startswith("filesystem:"):
        return
    with app.connection_for_write() as connection:
        for name in ("io", "cpu", "gpu"):
            app.amqp.queues[name].bind(connection.default_channel).declare()


@celeryd_init.connect  # type: ignore[untyped-decorator]
def step_back(**_: Any) -> None:
    """Let whoever looks at a slide go before whatever is computed: a tile takes but a moment."""
    os.nice(settings.WORKER_NICENESS)


@worker_ready.connect  # type: ignore[untyped-decorator]
def warm_up(**_: Any) -> None:
    """Import before the first message what the worker for quick work will need."""
    if os.environ.get("COVERSLIP_PART") == "worker-cpu":
        for module in (*WARM, "ml.recipes.descriptors"):
            importlib.import_module(module)
