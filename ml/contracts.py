"""Types and protocols that all methods share. Free of torch, so that any process may import them.

Every coordinate is a level-0 pixel of the slide (origin top left, x right, y down); ``mpp`` is µm per pixel.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from ml.messages import Message


class Task(StrEnum):
    """Subject of a recipe's prediction: a patch, a region's pixels, objects, a whole slide, an image."""

    PATCH = "patch"
    REGION = "region"
    OBJECT = "object"
    SLIDE = "slide"
    IMAGE = "image"


class CancelledError(Exception):
    """Error of a run that its owner cancelled; its output is removed."""


class DataError(ValueError):
    """Error of unusable data; the detail states the problem, its place and the remedy.

    ``code`` is stable and for programs: that of the message, unless several messages share one.
    """

    def __init__(self, detail: Message, code: str = "") -> None:
        super().__init__(detail, code)
        self.detail = detail
        self.code = code or detail.code

    def __str__(self) -> str:
        """Return the detail. Both parts are arguments, so that the error can cross to another process."""
        return str(self.detail)


@dataclass(frozen=True, slots=True)
class Bounds:
    """An axis-aligned box in level-0 pixels, half open: ``x <= column < x + width``."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of a fluorescence or near-infrared slide: its name and its range of stored values.

    Values up to ``low`` are read as 0, values from ``high`` as 255.
    """

    name: str
    low: float
    high: float


@runtime_checkable
class SlideReader(Protocol):
    """An open slide. Not safe to share between threads. ``channels`` is empty for a colour image."""

    path: Path
    width: int
    height: int
    mpp: float | None
    magnification: float | None
    channels: tuple[Channel, ...]

    def read(self, bounds: Bounds, size: tuple[int, int]) -> NDArray[np.uint8]:
        """Return pixels of ``bounds`` resampled to ``size`` = (width, height).

        The array is (height, width, 3) uint8 RGB, what lies outside the slide being white; of a slide with
        channels (height, width, channels), each scaled by its range, what lies outside being 0.
        """
        ...

    def read_squares(self, corners: NDArray[np.int64], side: int, pixels: int) -> NDArray[np.uint8]:
        """Return RGB (n, pixels, pixels, 3) of squares (n, 2) of x, y, ``side`` wide, as ``read`` gives them.

        What neighbours share is decoded once.
        """
        ...

    def close(self) -> None:
        """Release the file."""
        ...


@dataclass(frozen=True, slots=True)
class Objects:
    """A batch of shapes. All four arrays have the same length n.

    geometry: Shapely Point, Polygon or MultiPolygon; label: int16 index into the label list;
    score: float32 probability of that label, 0..1; uncertainty: float32 normalised entropy, 0..1.
    """

    geometry: NDArray[np.object_]
    label: NDArray[np.int16]
    score: NDArray[np.float32]
    uncertainty: NDArray[np.float32]

    def __post_init__(self) -> None:
        lengths = {len(self.geometry), len(self.label), len(self.score), len(self.uncertainty)}
        if len(lengths) != 1:
            message = f"columns of a batch differ in length: {sorted(lengths)}"
            raise ValueError(message)

    def __len__(self) -> int:
        return len(self.geometry)


@dataclass(frozen=True, slots=True)
class HeatMap:
    """A grid of numbers over a slide.

    ``values`` is float32 (rows, columns) in 0..1, NaN where nothing was computed. The cell (r, c)
    covers ``step`` by ``step_y`` level-0 pixels from the corner (x + c * step, y + r * step_y); ``step_y``
    None stands for ``step``. ``kind`` is ``probability``, ``uncertainty`` or ``attention``; ``label``
    indexes the label list.
    """

    kind: str
    label: int | None
    x: float
    y: float
    step: float
    values: NDArray[np.float32]
    step_y: float | None = None


@dataclass(frozen=True, slots=True)
class SlideFinding:
    """Result of a model for a whole slide.

    ``probability`` is float32 (k,) over the labels; ``uncertainty`` 0..1. ``refer`` says that a person
    should decide. ``evidence`` are the boxes that weighed most, with their weight 0..1, heaviest first.
    ``risk`` is the log hazard relative to the training set where the model has a survival head.
    """

    probability: NDArray[np.float32]
    uncertainty: float
    refer: bool = False
    evidence: tuple[tuple[Bounds, float], ...] = ()
    risk: float | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """One step of a prediction: the objects since the last step, and the heat maps so far.

    ``finding`` comes with the last one, from recipes that answer about a whole slide.
    """

    progress: float
    objects: Objects | None = None
    heat_maps: tuple[HeatMap, ...] = ()
    finding: SlideFinding | None = None


@dataclass(frozen=True, slots=True)
class LabelledShape:
    """A shape with a label from a person. ``negative`` says: this is *not* ``label``.

    A rejected suggestion is a negative shape. ``label`` None with ``negative`` means background of
    any class. ``group`` keeps shapes that must not be separated by a split (one annotation's patches).
    """

    geometry: BaseGeometry
    label: str | None
    negative: bool = False
    weight: float = 1.0
    group: str = ""


@dataclass(frozen=True, slots=True)
class Survival:
    """Follow-up of a patient in months, and whether the event was observed at its end."""

    months: float
    event: bool


@dataclass(frozen=True, slots=True)
class LabelledSlide:
    """A slide with its labels, shapes and clinical fields.

    ``finished`` regions are exhaustively annotated: unmarked tissue inside is background.
    ``mpp`` is the width of a level-0 pixel in µm and ``mpp_y`` its height; None: as high as wide.
    ``content`` is the SHA-256 of the slide, the key of stored features. ``label`` is what the whole
    slide is, ``clinical`` the patient's fields (None where a field is missing). ``name`` is that
    in messages, by default the name of the file.
    """

    path: Path
    case: str
    content: str
    shapes: tuple[LabelledShape, ...]
    finished: tuple[BaseGeometry, ...] = ()
    mpp: float | None = None
    label: str | None = None
    clinical: Mapping[str, float | str | None] = field(default_factory=dict)
    survival: Survival | None = None
    mpp_y: float | None = None
    name: str = ""

    @property
    def shown_name(self) -> str:
        """The name of the slide in messages."""
        return self.name or self.path.name


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """An image file with either one label, or an instance or binary mask beside it.

    ``kinds`` is an image of the number of each pixel's label: ``names`` has the label of 1 first; 0 is none.
    It may be the same file as ``mask``: then connected pixels of one label are one object.
    """

    path: Path
    case: str
    label: str | None = None
    mask: Path | None = None
    kinds: Path | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled material of one kind, with its stored split.

    ``parts`` maps a unit (a case, or a shape's group when the split is by region) to ``train``,
    ``validation`` or ``test``. An empty mapping means: not split yet. ``channels`` are those that pixels are
    read as; empty for colour images.
    """

    labels: tuple[str, ...]
    slides: tuple[LabelledSlide, ...] = ()
    images: tuple[LabelledImage, ...] = ()
    parts: Mapping[str, str] = field(default_factory=dict)
    split_by: str = "case"
    channels: tuple[Channel, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """Inputs of a run. Recipes read no settings and no environment.

    ``report(progress 0..1, message)`` raises CancelledError when the run was cancelled, so calling
    it often is how a recipe can be stopped. ``features`` is the root of the feature store.
    ``find_model`` turns the name of an earlier model or of uploaded weights into its folder or file.
    ``clinical`` holds the fields of the slide's patient.

    ``workers`` processes read pixels ahead; 0 reads in this one. ``blocks`` is a folder of the results
    of each block of this one slide by this one model, so that a run that is killed resumes from there.
    ``share`` (i, n) leaves to this run the i-th of n interleaved parts of the blocks.
    """

    seed: int
    scratch: Path
    device: str = "cpu"
    features: Path | None = None
    report: Callable[[float, Message], None] = lambda _progress, _message: None
    find_model: Callable[[str], Path] = Path
    clinical: Mapping[str, float | str | None] = field(default_factory=dict)
    workers: int = 0
    blocks: Path | None = None
    share: tuple[int, int] = (0, 1)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95 % interval. Any of them is NaN where it cannot be computed."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Metrics of a fitted recipe on data that it never saw.

    ``metrics`` by name. ``confusion`` is int64 (k, k), rows truth, columns prediction, in the order
    of ``labels``. ``reliability`` lists (mean confidence, accuracy, count) per non-empty bin.
    ``outcomes`` are per-item arrays kept so that two versions can be compared pair by pair:
    ``truth`` int16 (n,), ``probability`` float32 (n, k), and ``unit`` (n,) naming each item.
    """

    labels: tuple[str, ...]
    metrics: Mapping[str, Estimate]
    count: int
    confusion: NDArray[np.int64] | None = None
    reliability: Sequence[tuple[float, float, int]] = ()
    outcomes: Mapping[str, NDArray[Any]] = field(default_factory=dict)


class Settings(Protocol):
    """The settings of a method: a frozen dataclass.

    Each field has ``metadata`` with ``title``, ``description``, ``unit``, ``minimum`` and ``maximum``, from
    which forms and the command line are generated.
    """

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


SettingsT_co = TypeVar("SettingsT_co", bound=Settings, covariant=True)


class Recipe(Protocol[SettingsT_co]):
    """A method: its description, its claims, and how to build, fit and use it.

    ``config`` holds its settings. Code that works with every recipe takes a ``Recipe[Settings]``.
    ``quick`` recipes fit on stored features in about a second.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    task: ClassVar[Task]
    summary: ClassVar[str]
    source: ClassVar[str]
    claim: ClassVar[str]
    needs: ClassVar[str]
    cost: ClassVar[str]
    quick: ClassVar[bool]

    @property
    def config(self) -> SettingsT_co:
        """Return the settings."""
        ...

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Return the channels of the training slides; none for colour images."""
        ...

    @classmethod
    def build(cls, labels: Sequence[str], config: Mapping[str, Any]) -> Self:
        """Return an unfitted recipe; raises DataError(``bad_config``) naming the field."""
        ...

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Learn from the parts ``train`` and ``validation``; never looks at ``test``."""
        ...

    def evaluate(self, dataset: Dataset, context: Context, part: str = "test") -> Evaluation:
        """Measure on one part of the dataset."""
        ...

    def predict(
        self, slide: SlideReader, context: Context, region: BaseGeometry | None = None
    ) -> Iterator[Prediction]:
        """Yield results block by block; bounded memory. The last one has progress 1."""
        ...

    def save(self, folder: Path) -> None:
        """Write ``model.json`` and safetensors into a new folder; nothing is pickled."""
        ...

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model folder; raises DataError(``bad_weights``) with the reason."""
        ...
