"""Large generated material: a slide of any size, any number of objects and annotations.

    python -m tests.material slide PATH --side 65536
    python -m tests.material objects --slide ID --count 5000000
    python -m tests.material annotations --slide ID --count 50000

The last two write through the product's own writer and services into the installation that the
environment names (``COVERSLIP_HOME``, ``DATABASE_URL``) and print what they made as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np

LABELS = (("Tumour", "#d55e00"), ("Stroma", "#0072b2"), ("Lymphocyte", "#009e73"))
VERTICES = 20
BATCH = 100_000


def write_plain_slide(path: Path, side: int, tile: int = 512, mpp: float = 0.25) -> None:
    """Write a square pyramid of ``side`` pixels whose tiles all show the same plain tissue."""
    import imagecodecs
    import tifffile

    from ml.slides.phantom.writing import write_page

    random = np.random.default_rng(0)
    # Blotches of eight pixels cost a JPEG next to nothing.
    blotches = random.normal(0, 6, (tile // 8, tile // 8, 1)).repeat(8, axis=0).repeat(8, axis=1)
    pixels = np.array([226, 198, 218]) + blotches
    data = imagecodecs.jpeg_encode(pixels.clip(0, 255).astype(np.uint8), level=80, subsampling="420")
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        width, step = side, mpp
        while True:
            count = (-(-width // tile)) ** 2
            write_page(tiff, iter([data] * count), (width, width), tile, step, reduced=width != side)
            if width <= tile:
                return
            width, step = -(-width // 2), step * 2


def random_shapes(
    count: int, width: int, height: int, seed: int, radius: float = 9.0
) -> Iterator[dict[str, np.ndarray]]:
    """Yield batches of star-shaped polygons: coordinates (n, vertices, 2), label, score, uncertainty."""
    random = np.random.default_rng(seed)
    angles = np.linspace(0, 2 * np.pi, VERTICES, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    for start in range(0, count, BATCH):
        number = min(BATCH, count - start)
        margin = 1.4 * radius
        middle = random.uniform((margin, margin), (width - margin, height - margin), (number, 2))
        lengths = radius * random.uniform(0.8, 1.25, (number, VERTICES, 1))
        # Labels lie in patches as tissue does, so that cells are mixtures and not noise.
        patch = np.sin(middle[:, 0] / width * 19) + np.cos(middle[:, 1] / height * 23)
        label = np.digitize(patch + random.normal(0, 0.5, number), (-0.4, 0.9))
        yield {
            "coordinates": middle[:, None] + circle * lengths,
            "label": label.astype(np.int16),
            "score": random.uniform(0.4, 1, number).astype(np.float32),
            "uncertainty": random.uniform(0, 1, number).astype(np.float32),
        }


def _start_django() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "server.config.settings.development")
    import django

    django.setup()


def _project_labels(slide) -> list[dict[str, str]]:
    """Return the labels of the slide's project that the material uses, created if missing."""
    from server.projects.models import Label

    rows = []
    for order, (name, colour) in enumerate(LABELS):
        label, _ = Label.objects.get_or_create(
            project=slide.project, name=name, defaults={"colour": colour, "order": 50 + order}
        )
        rows.append({"label_id": str(label.pk), "name": name, "colour": label.colour})
    return rows


def add_object_set(slide_id: str, count: int, seed: int) -> dict[str, object]:
    """Write an object set of random shapes over a slide; return its id and its exact counts."""
    _start_django()
    from django.conf import settings

    from ml.objectset import FlatObjects, ObjectSetWriter
    from server.accounts.models import User
    from server.objects.services import begin_object_set, finish_object_set
    from server.objects.storage import object_set_key
    from server.slides.models import Slide

    slide = Slide.objects.get(pk=slide_id)
    actor = User.objects.filter(is_superuser=True).earliest("pk")
    labels = _project_labels(slide)
    made = begin_object_set(
        actor=actor,
        slide=slide,
        name=f"{count:,} shapes",
        source="file",
        labels=labels,
        producer_name="phantom",
    )
    key = object_set_key(made.pk, 1)
    folder = Path(settings.STORAGE_ROOT) / key
    folder.parent.mkdir(parents=True, exist_ok=True)
    with ObjectSetWriter(folder, [row["name"] for row in labels], slide.width, slide.height) as writer:
        for batch in random_shapes(count, slide.width, slide.height, seed):
            number = len(batch["label"])
            rings = np.arange(number + 1, dtype=np.int64) * VERTICES
            writer.append(
                FlatObjects(
                    batch["coordinates"].reshape(-1, 2),
                    rings,
                    batch["label"],
                    batch["score"],
                    batch["uncertainty"],
                )
            )
        manifest = writer.close()
    summary = {
        "tile0": manifest.tile0,
        "levels": manifest.levels,
        "shape": manifest.shape,
        "digest": manifest.digest,
        "per_label": [dict(row) for row in manifest.per_label],
    }
    finish_object_set(actor=actor, object_set=made, key=key, count=manifest.count, summary=summary)
    return {"id": str(made.pk), "count": manifest.count, "per_label": summary["per_label"]}


def add_annotations(slide_id: str, count: int, seed: int) -> dict[str, object]:
    """Put many annotations on a slide in bulk, each as if drawn by the administrator."""
    _start_django()
    from server.accounts.models import User
    from server.annotations.models import Annotation, Revision
    from server.slides.models import Slide

    slide = Slide.objects.get(pk=slide_id)
    author = User.objects.filter(is_superuser=True).earliest("pk")
    labels = _project_labels(slide)
    for batch in random_shapes(count, slide.width, slide.height, seed, radius=16.0):
        rows = []
        for shape, label in zip(batch["coordinates"].round(2), batch["label"].tolist(), strict=True):
            ring = [*shape.tolist(), shape[0].tolist()]
            left, top = shape.min(axis=0).tolist()
            right, bottom = shape.max(axis=0).tolist()
            rows.append(
                Annotation(
                    pk=uuid.uuid4(), slide=slide, label_id=labels[label]["label_id"], author=author,
                    shape="polygon", geometry={"type": "Polygon", "coordinates": [ring]},
                    min_x=left, min_y=top, max_x=right, max_y=bottom, area_px=800.0, length_px=100.0,
                )
            )  # fmt: skip
        Annotation.objects.bulk_create(rows, batch_size=2000)
        Revision.objects.bulk_create(
            [
                Revision(
                    annotation=row, number=1, change="created", author=author, label_id=row.label_id,
                    shape=row.shape, geometry=row.geometry,
                )
                for row in rows
            ],
            batch_size=2000,
        )  # fmt: skip
    return {"count": count}


def main() -> None:
    """Make the material of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.material")
    kinds = parser.add_subparsers(dest="kind", required=True)
    slide = kinds.add_parser("slide")
    slide.add_argument("path", type=Path)
    slide.add_argument("--side", type=int, default=65_536)
    for name in ("objects", "annotations"):
        kind = kinds.add_parser(name)
        kind.add_argument("--slide", required=True)
        kind.add_argument("--count", type=int, required=True)
        kind.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    if chosen.kind == "slide":
        write_plain_slide(chosen.path, chosen.side)
    else:
        make = add_object_set if chosen.kind == "objects" else add_annotations
        sys.stdout.write(json.dumps(make(chosen.slide, chosen.count, chosen.seed)) + "\n")


if __name__ == "__main__":
    main()
