"""Verdicts on sets of ten thousand to ten million objects: one at a time, a million at once, the queue.

Through the services, transaction and audit record included. SQLite unless ``DATABASE_URL`` names a
PostgreSQL database, which is filled.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from typing import Any

from tests.bench.harness import Figure, bench
from tests.bench.objects import in_own_process

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
MAIN = 5_000_000
UNITS = {
    "one_p95": "ms",
    "one_half_decided_p95": "ms",
    "undo_one_p95": "ms",
    "bulk": "s",
    "lasso": "s",
    "undo_bulk": "s",
    "queue_p95": "ms",
    "states_p95": "ms",
}
AIMS = {"one_p95": 50.0, "one_half_decided_p95": 50.0, "bulk": 2.0, "lasso": 2.0}


@bench("verdict")
def measure_verdicts() -> Iterator[Figure]:
    """Measure the set of five million with its targets, then the growth of each figure."""
    with tempfile.TemporaryDirectory(prefix="coverslip-bench-") as folder:
        environment = {
            "DJANGO_SETTINGS_MODULE": "server.config.settings.development",
            "COVERSLIP_HOME": folder,
        }
        database = "PostgreSQL" if os.environ.get("DATABASE_URL", "").startswith("postgres") else "SQLite"

        def measure(size: int) -> dict[str, Any]:
            return in_own_process("verdict_services", size, folder, **environment)

        main = measure(MAIN)
        for name, unit in UNITS.items():
            yield Figure(f"verdict.{name}", main[name], unit, AIMS.get(name), _note(main, name, database))
        for size in SIZES:
            figures = measure(size)
            for name, unit in UNITS.items():
                note = _note(figures, name, database)
                yield Figure(f"verdict.growth.{size:.0e}.{name}", figures[name], unit, note=note)


def _note(figures: dict[str, Any], name: str, database: str) -> str:
    many = f", {figures['chosen']:,} chosen" if name in {"bulk", "lasso", "undo_bulk"} else ""
    cpu = f"; {figures['one_cpu']:.2g} ms of processor time each" if name == "one_p95" else ""
    return f"{figures['count']:,} objects, {database}{many}{cpu}"
