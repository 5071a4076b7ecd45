"""``segmentation-gan``: draws tiles with the layout of real ones, and the masks of their nuclei."""

from __future__ import annotations

import argparse

from ml.tools.data.drawing import add_arguments, draw_folder

__all__ = ["add_arguments", "run"]


def run(options: argparse.Namespace) -> None:
    """Train on a folder and write new tiles and their masks."""
    draw_folder(options, steered=True)
