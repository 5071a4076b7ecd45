"""Input of the job that imports a slide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from server.core.inputs import JobInput


@dataclass(frozen=True, slots=True)
class ImportInput(JobInput):
    """Files of a slide to import.

    Parameters
    ----------
    slide_id
        Id of the slide.
    main
        Name of the file to open, one of ``files``.
    files
        Storage keys by the names under which the files are stored.
    names
        Names that the person gave, by the names under which the files are stored.
    image
        Number of the image that a person chose in a file with several.

    """

    slide_id: str
    main: str
    files: Mapping[str, str]
    names: Mapping[str, str] = field(default_factory=dict)
    image: int | None = None
