"""Explanation maps for a patch, its nearest labelled patches, and checks of the maps' faithfulness.

The one function that a program needs is ``ml.explain.why.explain``::

    explain(
        model: Path,              # a model folder of a recipe that classifies patches
        slide: SlideReader,       # an open slide
        bounds: Bounds,           # the patch in level-0 pixels
        context: Context,
        *,
        method: str = "grad-cam",  # or another of ``METHODS``
        label: str | None = None,  # whose probability is explained; None: the likeliest
        examples: Dataset | None = None,  # labelled slides and images among which neighbours are sought
        count: int = 6,
    ) -> Explanation

``Explanation`` carries ``label``, ``probability`` 0..1 of it, ``map`` float32 (rows, columns) in 0..1 over
the patch (0 where nothing spoke for the label), and ``neighbours``: the nearest labelled patches, each with
its path, bounds, label and likeness 0..1, the likest first. Raises DataError(``cannot_explain``) with a
sentence where a recipe has no such map, for instance a gradient of a method that has no network. Nothing
here imports torch before it is called, but ``ml.explain.why`` does: call it from a task, not from a web
process.
"""

from __future__ import annotations

from typing import Final

METHODS: Final = (
    "grad-cam", "grad-cam++", "cam", "integrated-gradients", "occlusion", "roll-out"
)  # fmt: skip
