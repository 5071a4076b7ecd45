"""Draws tiles that follow the layout of real ones, with the masks of their nuclei."""

from __future__ import annotations

import argparse

from ml.tools.drawing import add_arguments, draw_folder

__all__ = ["add_arguments", "run"]


def run(options: argparse.Namespace) -> None:
    """Learn from a folder and write new tiles and their masks."""
    draw_folder(options, steered=True)
