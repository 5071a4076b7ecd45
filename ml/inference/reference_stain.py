"""Normalisation of slides and images to the reference stain before a network reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.contracts import SlideReader
from ml.slides.stains import NormalisedReader, Normaliser, StainFit, fit_pixels, fit_slide, reference_fit


class ReferenceStain:
    """Stain normalisation by one method, fitted to each slide or image; ``none`` leaves all as it is."""

    def __init__(self, method: str) -> None:
        self._method = method
        # The slide that was fitted last, and its stain: one slide is read from beginning to end.
        self._fit: tuple[Path | None, StainFit | None] = (None, None)

    def of_slide(self, reader: SlideReader) -> SlideReader:
        """Return a reader in the reference stain, fitted once per slide."""
        if self._method == "none":
            return reader
        known, fit = self._fit
        if known != reader.path:
            fit = fit_slide(reader, self._method)
            self._fit = (reader.path, fit)
        return NormalisedReader(reader, Normaliser(self._method, fit, reference_fit()))

    def of_image(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return an image in the reference stain, fitted to the image itself."""
        if self._method == "none":
            return pixels
        return Normaliser(self._method, fit_pixels(pixels, self._method), reference_fit()).apply(pixels)
