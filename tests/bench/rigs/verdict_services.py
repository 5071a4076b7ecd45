"""Give verdicts on one large set through the services; print their durations as JSON."""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path

import django
import numpy as np
import shapely

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "server.config.settings.development")
django.setup()

from django.core.management import call_command  # noqa: E402 - needs Django set up

from ml.objectset import Limits, ObjectSet  # noqa: E402
from server.accounts.models import User  # noqa: E402
from server.core.files.storage import storage_path  # noqa: E402
from server.objects import models  # noqa: E402
from server.projects.models import Project  # noqa: E402
from server.review.decisions.selectors import version_now  # noqa: E402
from server.review.history.states import states_of_tile  # noqa: E402
from server.review.object_selection import ObjectFilter  # noqa: E402
from server.review.queue import review_queue  # noqa: E402
from server.review.services import give_verdict, undo_verdict  # noqa: E402
from tests.bench.rigs.object_sets import make_labels, make_object_set  # noqa: E402
from tests.bench.rigs.objects_phantom import HEIGHT, WIDTH  # noqa: E402

TURNS = 60


def main() -> None:
    """Take the number of objects from the command line."""
    count = int(sys.argv[1])
    call_command("migrate", verbosity=0)
    actor, _ = User.objects.get_or_create(username=f"bench {uuid.uuid4()}", is_superuser=True)
    project = Project.objects.create(name=f"bench {uuid.uuid4()}")
    made = make_object_set(actor, project, make_labels(project), "bench", count)
    numbers = iter(np.random.default_rng(0).permutation(count).tolist())
    figures: dict[str, float] = {"count": count}

    def one() -> None:
        give_verdict(actor=actor, object_set=made, kind="accepted", indices=[next(numbers)], replaces=0)

    def page() -> None:
        review_queue(actor=actor, project=made.slide.project, limit=50)

    used = time.process_time()
    figures["one_p95"] = _p95(one for _ in range(TURNS))
    figures["one_cpu"] = (time.process_time() - used) / TURNS * 1000
    given = [
        give_verdict(actor=actor, object_set=made, kind="rejected", indices=[next(numbers)], replaces=0)
        for _ in range(TURNS)
    ]
    turns = iter(given)
    figures["undo_one_p95"] = _p95((lambda: undo_verdict(actor=actor, verdict=next(turns))) for _ in given)
    figures.update(_bulk(actor, made, count))
    # The state is at its largest when every second object is decided.
    give_verdict(actor=actor, object_set=made, kind="rejected", object_filter=ObjectFilter(max_score=0.5))
    figures["one_half_decided_p95"] = _p95(one for _ in range(TURNS))
    page()
    figures["queue_p95"] = _p95(page for _ in range(TURNS // 3))
    version = version_now(made.pk)
    figures["states_p95"] = _p95(_tiles(made, version))
    print(json.dumps(figures))


def _bulk(actor: User, made: models.ObjectSet, count: int) -> dict[str, float]:
    """Give verdicts on a million objects, or a fifth of a smaller set, by filter and by lasso; undo each."""
    share = min(1_000_000 / count, 0.2)
    columns = ObjectSet(storage_path(made.storage_key)).columns()
    limit = float(np.quantile(columns["uncertainty"], 1 - share))
    began = time.perf_counter()
    verdict = give_verdict(
        actor=actor, object_set=made, kind="accepted", object_filter=ObjectFilter(min_uncertainty=limit)
    )
    bulk = time.perf_counter() - began
    began = time.perf_counter()
    undo_verdict(actor=actor, verdict=verdict)
    undone = time.perf_counter() - began
    # A wavy outline of 400 corners around about that share of the slide.
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    radius = np.sqrt(share * WIDTH * HEIGHT / np.pi) * (1 + 0.05 * np.sin(9 * angle))
    lasso = np.stack([WIDTH / 2 + radius * np.cos(angle), HEIGHT / 2 + radius * np.sin(angle)], axis=1)
    within = json.loads(shapely.to_geojson(shapely.Polygon(lasso)))
    began = time.perf_counter()
    chosen = give_verdict(
        actor=actor, object_set=made, kind="accepted", object_filter=ObjectFilter(within=within)
    )
    lassoed = time.perf_counter() - began
    undo_verdict(actor=actor, verdict=chosen)
    return {"bulk": bulk, "undo_bulk": undone, "lasso": lassoed, "chosen": verdict.count}


def _tiles(made: models.ObjectSet, version: int) -> Iterable[Callable[[], object]]:
    files, random = ObjectSet(Path(storage_path(made.storage_key))), np.random.default_rng(2)
    for z in range(files.manifest.levels + 1):
        for _ in range(8):
            side = files.manifest.tile_side(z)
            x, y = int(random.integers(0, -(-WIDTH // side))), int(random.integers(0, -(-HEIGHT // side)))
            yield lambda place=(z, x, y): states_of_tile(made, version, place, Limits())


def _p95(turns: Iterable[Callable[[], object]]) -> float:
    times = []
    for turn in turns:
        began = time.perf_counter()
        turn()
        times.append((time.perf_counter() - began) * 1000)
    return float(np.percentile(times, 95))


if __name__ == "__main__":
    main()
