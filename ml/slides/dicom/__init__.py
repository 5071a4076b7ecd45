"""DICOM whole slide images (PS3.3 A.32.8): headers, series, frames and colours. Free of torch."""

from __future__ import annotations

from ml.slides.dicom.header import Flavour, Header, is_dicom, read_header
from ml.slides.dicom.series import Series, read_series

__all__ = ["Flavour", "Header", "Series", "is_dicom", "read_header", "read_series"]
