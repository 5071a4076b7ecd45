"""Readiness check of the training page, with a million decided objects.

Through the HTTP views of one process, which may not read a polygon. The baseline is the aim.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

from tests.bench.harness import Figure, bench
from tests.bench.objects import in_own_process

DECIDED = 1_000_000
AIM = 50.0
NOTES = {
    "p95": "nothing has changed",
    "after_verdict_p95": "after a verdict each",
    "first": "the first one of a process counts all objects",
}


@bench("loop.plan")
def measure_plan() -> Iterator[Figure]:
    """Measure response times of one process."""
    with tempfile.TemporaryDirectory(prefix="coverslip-bench-") as folder:
        environment = {
            "DJANGO_SETTINGS_MODULE": "server.config.settings.development",
            "COVERSLIP_HOME": folder,
        }
        figures = in_own_process("plan_requests", DECIDED, folder, **environment)
    for name, note in NOTES.items():
        yield Figure(f"loop.plan.{name}", figures[name], "ms", AIM, f"{DECIDED:,} decided objects; {note}")
