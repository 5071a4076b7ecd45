"""``wgan-gp``: draws tiles of each class by a Wasserstein GAN with gradient penalty."""

from __future__ import annotations

import argparse

from ml.tools.data.drawing import add_arguments, draw_folder

__all__ = ["add_arguments", "run"]


def run(options: argparse.Namespace) -> None:
    """Train on a folder and write new tiles."""
    draw_folder(options, steered=False)
