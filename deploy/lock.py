"""Writes ``deploy/requirements.lock``: the packages of an image, pinned by ``constraints.txt``, with hashes.

torch comes apart, since its build depends on the device. pip-tools is installed in a folder of its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent
HEAD = """\
# Every package of an image with its hashes, written by `make lock`. torch comes apart: its build depends on
# the device.
"""
# Left out of the lock, with what they alone need kept in it.
APART = ("torch", "setuptools", "pip")


def main() -> None:
    """Resolve the dependencies of pyproject.toml, and write the lock."""
    with tempfile.TemporaryDirectory() as folder:
        tools = Path(folder) / "tools"
        subprocess.run([sys.executable, "-m", "venv", str(tools)], check=True)  # noqa: S603 - our own commands
        subprocess.run([tools / "bin/pip", "install", "--quiet", "pip-tools"], check=True)  # noqa: S603
        unsafe = [word for name in APART for word in ("--unsafe-package", name)]
        quiet = (
            "--no-header",
            "--no-annotate",
            "--no-emit-index-url",
            "--no-emit-find-links",
            "--strip-extras",
        )
        target = Path(folder) / "requirements.lock"
        command = [
            tools / "bin/pip-compile",
            "--quiet",
            "--generate-hashes",
            "--strip-extras",
            *quiet,
            *unsafe,
        ]
        command += ["--constraint", "deploy/constraints.txt", "--output-file", target, "pyproject.toml"]
        subprocess.run(command, check=True, cwd=FOLDER.parent)  # noqa: S603
        lines = [line for line in target.read_text().splitlines() if line and not line.startswith("#")]
        (FOLDER / "requirements.lock").write_text(HEAD + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
