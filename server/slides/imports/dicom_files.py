"""Group the DICOM files of a drop into slides and the rest, by their headers alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ml.messages import Message
from ml.slides.dicom.header import Flavour, Header, is_deflated, read_header
from ml.slides.dicom.series import choose_levels

DICOM_DIRECTORY_CLASS: Final = "1.2.840.10008.1.3.10"


def group_series(files: Mapping[str, Path]) -> tuple[list[list[str]], dict[str, Message]]:
    """Return the names of the levels of each slide, largest first, and the reason for each other file.

    Files without a SeriesInstanceUID are slides of their own. No file spoils another one.
    """
    series: dict[str, dict[str, Header]] = defaultdict(dict)
    refused: dict[str, Message] = {}
    for name, path in files.items():
        header = read_header(path, frames=False)
        if is_deflated(path):
            refused[name] = Message(
                "file_dicom_deflated",
            )
        elif header is None:
            refused[name] = Message("file_dicom_header")
        elif header.sop_class == DICOM_DIRECTORY_CLASS:
            refused[name] = Message("file_dicomdir")
        elif not header.is_slide:
            refused[name] = Message("file_other_dicom")
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


def _why_left_out(header: Header) -> Message:
    if header.flavour is Flavour.UNSTATED:
        return Message(
            "file_dicom_image_type",
        )
    return Message("file_never_kept")
