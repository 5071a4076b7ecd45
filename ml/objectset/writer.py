"""Writer of an object set: a stream of batches in, sorted immutable tables out, in bounded memory."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa

from ml.contracts import Objects
from ml.objectset import columns, curve, sealing
from ml.objectset.flat import FlatObjects
from ml.objectset.manifest import Manifest
from ml.objectset.runs import RUN_ROWS, Runs

# About what the second level of cache holds, with the arrays that work on it needs.
PIECE_VERTICES: Final = 131_072


class ObjectSetWriter:
    """Writer of one object set into ``folder``, which appears when ``close`` has returned.

    ``labels`` are the names by label index; ``width`` and ``height`` the slide's, in level-0 pixels.
    Objects are numbered in the order of the curve, ties in the order of appending, so that the same
    objects give the same bytes however they were cut into batches. As a context manager it abandons
    on an error and closes otherwise. With ``may_lack_scores`` a score may be NaN: the object has none.
    """

    def __init__(
        self,
        folder: Path,
        labels: Sequence[str],
        width: int,
        height: int,
        *,
        run_rows: int = RUN_ROWS,
        may_lack_scores: bool = False,
    ) -> None:
        self._may_lack_scores = may_lack_scores
        self._folder = folder
        self._set = sealing.About(tuple(labels), width, height)
        self._partial = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
        self._scratch = self._partial / "scratch"
        self._scratch.mkdir(parents=True)
        self._runs = Runs(self._scratch, run_rows=run_rows)
        self._long: Any = pa.ipc.new_file(self._scratch / "long.arrow", columns.LONG)
        self._kinds = [True, True]
        self._manifest: Manifest | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.abandon()
        elif self._manifest is None:
            self.close()

    def add_label(self, name: str) -> int:
        """Add a label that first occurs in the middle of the stream; return its index."""
        self._set.labels = (*self._set.labels, name)
        return len(self._set.labels) - 1

    def append(self, objects: Objects | FlatObjects) -> None:
        """Add a batch; raises ValueError for a label out of range or an invalid shape."""
        if not len(objects):
            return
        if objects.label.min() < 0 or objects.label.max() >= len(self._set.labels):
            message = f"A label index lies outside 0 to {len(self._set.labels) - 1}."
            raise ValueError(message)
        is_number = np.isfinite(objects.score) | (self._may_lack_scores & np.isnan(objects.score))
        if not (is_number.all() and np.isfinite(objects.uncertainty).all()):
            message = "A score or an uncertainty is not a number."
            raise ValueError(message)
        flat = FlatObjects.from_shapely(objects) if isinstance(objects, Objects) else objects
        for piece in flat.pieces(PIECE_VERTICES):
            self._add(columns.prepare(piece))

    def _add(self, prepared: columns.Prepared) -> None:
        numbers = np.full(len(prepared.rows), -1, dtype=np.int32)
        if len(prepared.which):
            numbers[prepared.which] = self._set.long + np.arange(len(prepared.which))
            self._set.long += len(prepared.which)
            self._long.write_batch(prepared.long)
        x, y = (prepared.rows.column(name).to_numpy() for name in ("x", "y"))
        codes = curve.encode(x, y, self._set.tile0 * columns.SCALE)
        self._set.reach = max(self._set.reach, prepared.reach)
        self._kinds = [self._kinds[0] and prepared.points, self._kinds[1] and prepared.boxes]
        extra = [pa.array(codes), pa.array(numbers)]
        self._runs.add(pa.RecordBatch.from_arrays([*prepared.rows.columns, *extra], schema=self._runs.schema))

    def close(self) -> Manifest:
        """Sort, aggregate and seal; return the manifest. Closing twice returns it again."""
        if self._manifest is not None:
            return self._manifest
        self._long.close()
        self._set.shape = self._shape()
        self._manifest = sealing.seal(self._partial, self._scratch, self._runs, self._set)
        shutil.rmtree(self._scratch)
        self._partial.rename(self._folder)
        return self._manifest

    def abandon(self) -> None:
        """Remove all files written so far."""
        self._long.close()
        shutil.rmtree(self._partial, ignore_errors=True)

    def _shape(self) -> str:
        if not self._runs.count:
            return "polygons"
        points, boxes = self._kinds
        return "points" if points else "boxes" if boxes else "polygons"
