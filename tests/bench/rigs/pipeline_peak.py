"""One prediction in a process of its own: ``python -m tests.bench.rigs.pipeline_peak MODEL SLIDE``.

Prints, as JSON, its peak of memory in MiB, its seconds and its patches.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from ml.contracts import Context
from ml.inference.writing import write_prediction
from ml.methods.loading import load_model
from ml.slides import open_slide


def main(model: Path, path: Path) -> None:
    """Write the prediction of a model on a slide, discarding its content."""
    recipe = load_model(model)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, open_slide(path) as slide:
        out = Path(folder)
        context = Context(0, out / "scratch", blocks=out / "blocks")
        written = write_prediction(recipe, recipe.labels, slide, out / "out", context)
    # Not ru_maxrss: that begins with the peak of the process that started this one.
    status = Path("/proc/self/status").read_text(encoding="ascii").split("VmHWM:")[1]
    figures = {
        "mebibytes": int(status.split()[0]) / 1024,
        "seconds": time.perf_counter() - began,
        "patches": written.objects,
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
