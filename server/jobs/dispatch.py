"""Handing a job's id to the message broker. A lost message is found by the sweep."""

from __future__ import annotations

import logging

from celery import current_app
from django.utils import timezone

from server.jobs.models import Job

log = logging.getLogger(__name__)

RUN_JOB = "coverslip.run_job"
SWEEP = "coverslip.sweep_jobs"


def send(job: Job) -> bool:
    """Send the id; False when the broker is out of reach, which the next sweep makes good."""
    try:
        current_app.send_task(RUN_JOB, args=[str(job.pk)], queue=job.queue)
    except Exception:
        log.exception("job %s could not be sent; the sweep will try again", job.pk)
        return False
    Job.objects.filter(pk=job.pk).update(dispatched_at=timezone.now())
    return True
