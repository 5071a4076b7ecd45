"""Several patch models as a part of one recipe, trained here or earlier."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ml.catalogue.registry import find_recipe
from ml.contracts import Context, DataError, Dataset, LabelledImage, Settings, SlideReader
from ml.data.squares import Squares
from ml.features.store import feature_store
from ml.messages import Message
from ml.methods.bases.inner_model import load_patch_model, open_patch_model
from ml.methods.bases.patch_recipe import PatchRecipe
from ml.methods.bases.settings import MemberSettings
from ml.methods.loading import load_recipe_class
from ml.storage.model_state import ModelState

CHUNK = 512
FOLDER = "member-{}"
MODEL = "model:"
ENTRY = re.compile(r"([^,()]+)(?:\(([^()]*)\))?")
GEOMETRY = ("patch", "stride", "mpp")
LEAST = 1e-12
FEWEST = 2


@dataclass(frozen=True, slots=True)
class MemberSpec:
    """A member as the setting states it: a recipe with settings, or an earlier model."""

    recipe: str
    settings: Mapping[str, Any]
    model: str = ""


def parse_members(text: str) -> list[MemberSpec]:
    """Read ``recipe, recipe(key=value; key=value), model:name``; raises DataError(``bad_config``)."""
    members = []
    for entry, inside in ENTRY.findall(text):
        name = entry.strip()
        if not name:
            continue
        if name.startswith(MODEL):
            members.append(MemberSpec("", {}, name.removeprefix(MODEL).strip()))
            continue
        fields = {item.name: item for item in find_recipe(name).fields}
        settings = {}
        for pair in filter(None, (piece.strip() for piece in inside.split(";"))):
            key, equals, value = (piece.strip() for piece in pair.partition("="))
            if not equals or key not in fields:
                message = Message(
                    "members_bad_setting",
                    setting=pair,
                    name=name,
                    known=", ".join(fields),
                )
                raise DataError(message, code="bad_config")
            settings[key] = fields[key].parse(value)
        members.append(MemberSpec(name, settings))
    if len(members) < FEWEST:
        message = Message("members_too_few")
        raise DataError(message, code="bad_config")
    return members


class Members:
    """The members of a combination; there are none before training or ``load``."""

    def __init__(self, state: ModelState, config: MemberSettings) -> None:
        self.state, self.config = state, config
        self.current: list[PatchRecipe[Settings]] = []

    def check(self) -> None:
        """Raise DataError(``bad_config``) for unknown members and for their settings."""
        for spec in parse_members(self.config.members):
            if spec.recipe:
                self.fresh(spec)

    def fresh(self, spec: MemberSpec) -> PatchRecipe[Settings]:
        """Return an unfitted member with the patch settings of all others."""
        kind = load_recipe_class(spec.recipe)
        if not issubclass(kind, PatchRecipe) or kind.combines:
            message = Message("members_not_patches", name=spec.recipe)
            raise DataError(message, code="bad_config")
        settings = {**spec.settings, **{name: self.state.settings[name] for name in GEOMETRY}}
        return kind.build(self.state.labels, settings)

    def train(
        self, dataset: Dataset, context: Context, start: float, end: float
    ) -> list[PatchRecipe[Settings]]:
        """Return all members, trained on the training part or opened; progress runs from start to end."""
        specs = parse_members(self.config.members)
        members: list[PatchRecipe[Settings]] = []
        for number, item in enumerate(specs):
            low = start + (end - start) * number / len(specs)
            inner = _inside(context, low, (end - start) / len(specs), FOLDER.format(number))
            if item.model:
                opened = open_patch_model(item.model, self.state.labels, context)
                members.append(self._checked(opened, item.model))
                members[-1].ready(context)
                continue
            member = self.fresh(item)
            member.fit(dataset, inner)
            members.append(member)
        if len({member.classes for member in members}) > 1:
            raise DataError(Message("members_background"), code="other_labels")
        return members

    def _checked(self, member: PatchRecipe[Settings], name: str) -> PatchRecipe[Settings]:
        for key in GEOMETRY:
            theirs, ours = getattr(member.grid_settings, key), getattr(self.config, key)
            if theirs != ours and key != "stride":
                message = Message(
                    "members_trained_otherwise",
                    name=name,
                    key=key,
                    theirs=str(theirs),
                    ours=str(ours),
                )
                raise DataError(message, code="bad_config")
        return member

    def ready(self, context: Context) -> None:
        """Move all members to the device of the context."""
        for member in self.current:
            member.ready(context)

    def models(self) -> Mapping[str, PatchRecipe[Settings]]:
        """Return the members by the names of their folders."""
        return {FOLDER.format(number): member for number, member in enumerate(self.current)}

    def load(self, folder: Path) -> None:
        """Read the members from the folder of the whole model; raises DataError(``bad_weights``)."""
        for number in range(len(parse_members(self.config.members))):
            self.current.append(load_patch_model(folder / FOLDER.format(number)))


@dataclass(frozen=True)
class MemberReader:
    """Reads rows (n, members, k): the probabilities of the members."""

    members: Members

    def rows_of(
        self, reader: SlideReader, content: str, squares: Squares, context: Context
    ) -> NDArray[np.float64]:
        """Return the members' probabilities for patches (n, members, k)."""
        answers = [m.judge(m.rows_of(reader, content, squares, context)) for m in self.members.current]
        return np.stack(answers, axis=1)

    def image_rows(self, images: Sequence[LabelledImage], context: Context) -> NDArray[np.float64]:
        """Return the members' probabilities for images (n, members, k)."""
        return np.stack([m.judge(m.image_rows(images, context)) for m in self.members.current], axis=1)

    def pixel_rows(self, reader: SlideReader, squares: Squares, context: Context) -> NDArray[np.uint8]:
        """Raise: the members read patches of different sizes."""
        del reader, squares, context
        state = self.members.state
        message = Message("no_single_way", recipe=state.recipe, title=state.title)
        raise DataError(message, code="cannot_wrap")

    def image_pixel_rows(self, images: Sequence[LabelledImage], context: Context) -> NDArray[np.uint8]:
        """Raise, as ``pixel_rows`` does."""
        del context
        state = self.members.state
        message = Message("images_unlike", recipe=state.recipe, title=state.title, count=len(images))
        raise DataError(message, code="cannot_wrap")

    def stream(
        self, reader: SlideReader, squares: Squares, context: Context
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float64]]]:
        """Yield the members' probabilities in blocks."""
        quiet = dataclasses.replace(context, report=lambda _share, words: context.report(0.0, words))
        content = feature_store(context).content_of(reader.path)
        for start in range(0, len(squares), CHUNK):
            part = squares.take(slice(start, start + CHUNK))
            yield np.arange(start, start + len(part)), self.rows_of(reader, content, part, quiet)


def refuse_pixels(state: ModelState, pixels: NDArray[np.uint8]) -> NoReturn:
    """Raise DataError(``cannot_wrap``): the members read patches of different sizes."""
    message = Message("no_pixels_alone", recipe=state.recipe, title=state.title, shape=str(pixels.shape))
    raise DataError(message, code="cannot_wrap")


def _inside(context: Context, low: float, span: float, name: str) -> Context:
    return dataclasses.replace(
        context,
        scratch=context.scratch / name,
        features=context.features or context.scratch / "features",
        report=lambda share, words: context.report(low + span * share, words),
    )
