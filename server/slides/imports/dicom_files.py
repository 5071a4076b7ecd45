"""Group the DICOM files of a drop into slides and the rest, by their headers alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ml.contracts import Sentence
from ml.slides.dicom.header import Flavour, Header, is_deflated, read_header
from ml.slides.dicom.series import choose_levels

DICOM_DIRECTORY_CLASS: Final = "1.2.840.10008.1.3.10"


def group_series(files: Mapping[str, Path]) -> tuple[list[list[str]], dict[str, Sentence]]:
    """Return the names of the levels of each slide, largest first, and the reason for each other file.

    Files without a SeriesInstanceUID are slides of their own. No file spoils another one.
    """
    series: dict[str, dict[str, Header]] = defaultdict(dict)
    refused: dict[str, Sentence] = {}
    for name, path in files.items():
        header = read_header(path, frames=False)
        if is_deflated(path):
            refused[name] = Sentence(
                "file_dicom_deflated",
                "The DICOM file is deflated as a whole, which is not read. Export it with JPEG frames or"
                " uncompressed.",
            )
        elif header is None:
            refused[name] = Sentence(
                "file_dicom_header", "The DICOM header is damaged. Copy the file again from the scanner."
            )
        elif header.sop_class == DICOM_DIRECTORY_CLASS:
            refused[name] = Sentence(
                "file_dicomdir", "The index of a DICOM folder; the slide is in the other files."
            )
        elif not header.is_slide:
            refused[name] = Sentence("file_other_dicom", "DICOM, but not a whole slide image.")
        else:
            series[header.text("SeriesInstanceUID") or f"file {name}"][name] = header
    slides = []
    for _, members in sorted(series.items()):
        levels = choose_levels(list(members.values()))
        chosen = [name for level in levels for name, header in members.items() if header is level]
        if chosen:
            slides.append(chosen)
        for name in members.keys() - set(chosen):
            refused[name] = _why_left_out(members[name])
    return slides, refused


def _why_left_out(header: Header) -> Sentence:
    if header.flavour is Flavour.UNSTATED:
        return Sentence(
            "file_dicom_image_type",
            "Without ImageType and of one frame: taken for a label or an overview, which are never kept.",
        )
    return Sentence("file_never_kept", "A label, overview or thumbnail; these are never kept.")
