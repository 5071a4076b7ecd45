"""Writes the locks of the image's stages: packages pinned by ``constraints.txt``, with their hashes.

``requirements.lock`` has what runs; torch comes apart, since its build depends on the device. ``guide.lock``
has what builds the guide. pip-tools is installed in a folder of its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent
RUNS = """\
# Every package of an image with its hashes, written by `make lock`. torch comes apart: its build depends on
# the device.
"""
GUIDE = """\
# Every package that builds the guide with its hashes, written by `make lock`.
"""
# Left out of the locks, with what they alone need kept in them.
APART = ("torch", "setuptools", "pip")
QUIET = ("--quiet", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links")


def main() -> None:
    """Resolve the packages of both stages, and write the locks."""
    with tempfile.TemporaryDirectory() as folder:
        tools = Path(folder) / "tools"
        subprocess.run([sys.executable, "-m", "venv", str(tools)], check=True)  # noqa: S603 - our own commands
        subprocess.run([tools / "bin/pip", "install", "--quiet", "pip-tools"], check=True)  # noqa: S603
        compiler = tools / "bin/pip-compile"
        write_lock(compiler, "requirements.lock", RUNS, "pyproject.toml")
        guide = Path(folder) / "guide.in"
        guide.write_text("mkdocs-material\n")
        write_lock(compiler, "guide.lock", GUIDE, str(guide))


def write_lock(compiler: Path, name: str, head: str, source: str) -> None:
    """Resolve the packages that ``source`` names, and write them under a head."""
    unsafe = [word for each in APART for word in ("--unsafe-package", each)]
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / name
        command = [compiler, *QUIET, "--generate-hashes", "--strip-extras", *unsafe]
        command += ["--constraint", "deploy/constraints.txt", "--output-file", target, source]
        subprocess.run(command, check=True, cwd=FOLDER.parent)  # noqa: S603 - our own commands
        lines = [line for line in target.read_text().splitlines() if line and not line.startswith("#")]
    (FOLDER / name).write_text(head + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
