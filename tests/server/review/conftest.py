"""A set of suggestions without a model: known shapes, scores and uncertainties."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from ml.contracts import Objects
from ml.objectset import ObjectSetWriter


@pytest.fixture
def suggest(user_factory):
    """Create a ready set of boxes of 10 px, 20 px apart, as in ``suggest(slide, labels, scores)``."""
    from server.core.files.storage import storage_path
    from server.objects.services import begin_object_set, finish_object_set
    from server.objects.storage import object_set_key

    def make(slide, labels, scores, *, numbers=None, name="model v1"):
        actor = user_factory("root", administrator=True)
        rows = [{"label_id": str(label.pk), "name": label.name, "colour": label.colour} for label in labels]
        object_set = begin_object_set(
            actor=actor, slide=slide, name=name, source="model", labels=rows, producer_name=name
        )
        scores = np.asarray(scores, dtype=np.float32)
        left = 100 + 20 * np.arange(len(scores))
        key = object_set_key(object_set.pk, 1)
        storage_path(key).parent.mkdir(parents=True, exist_ok=True)
        with ObjectSetWriter(
            storage_path(key), [row["name"] for row in rows], slide.width, slide.height
        ) as writer:
            writer.append(
                Objects(
                    shapely.box(left, np.full(len(left), 100), left + 10, np.full(len(left), 110)),
                    np.asarray(numbers if numbers is not None else [0] * len(scores), dtype=np.int16),
                    scores,
                    (1 - scores).astype(np.float32),
                )
            )
            manifest = writer.close()
        summary = {"levels": manifest.levels, "tile0": manifest.tile0, "shape": manifest.shape}
        return finish_object_set(
            actor=actor, object_set=object_set, key=key, count=manifest.count, summary=summary
        )

    return make
