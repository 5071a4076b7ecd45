"""Dispatch of job ids to the message broker; the sweep sends lost messages again."""

from __future__ import annotations

import logging

from celery import current_app

from server.jobs.models import Job

log = logging.getLogger(__name__)

RUN_JOB = "coverslip.run_job"


def send(job: Job) -> bool:
    """Send the id; False when the broker is unreachable, which the next sweep corrects."""
    try:
        # With the id of the job, so that a queue may know a message that it has already.
        current_app.send_task(RUN_JOB, args=[str(job.pk)], task_id=str(job.pk), queue=job.queue)
    except Exception:
        log.exception("job %s could not be sent; the sweep will try again", job.pk)
        return False
    return True
