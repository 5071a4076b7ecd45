"""Base of recipes that combine several patch models, trained here or earlier."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ml.catalogue.registry import find_recipe
from ml.contracts import Context, DataError, Dataset, LabelledImage, Settings, SlideReader
from ml.data.squares import Squares
from ml.messages import Message
from ml.methods.bases.patch_recipe import (
    GridRecipe,
    PatchPredictions,
    PatchRecipe,
    feature_store,
    predictions_of,
)
from ml.methods.bases.settings import MemberSettingsT_co
from ml.methods.bases.wrapping_recipe import open_patch_model
from ml.methods.loading import load_model, load_recipe_class
from ml.storage.room import remove_folder_on_failure

CHUNK = 512
FOLDER = "member-{}"
MODEL = "model:"
ENTRY = re.compile(r"([^,()]+)(?:\(([^()]*)\))?")
GEOMETRY = ("patch", "stride", "mpp")
LEAST = 1e-12
FEWEST = 2


@dataclasses.dataclass(frozen=True, slots=True)
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


class MemberRecipe(GridRecipe[MemberSettingsT_co]):
    """A recipe of rows (n, members, k): the probabilities of its members, which it learns to combine."""

    def __init__(self, labels: Sequence[str], config: Mapping[str, Any]) -> None:
        super().__init__(labels, config)
        self.members: list[PatchRecipe[Settings]] = []

    @classmethod
    def build(cls, labels: Sequence[str], config: Mapping[str, Any]) -> Self:
        """Return an unfitted recipe; raises DataError(``bad_config``) for unknown members."""
        recipe = super().build(labels, config)
        for spec in parse_members(recipe.config.members):
            if spec.recipe:
                recipe.fresh(spec)
        return recipe

    def fresh(self, spec: MemberSpec) -> PatchRecipe[Settings]:
        """Return an unfitted member with the patch settings of all others."""
        kind = load_recipe_class(spec.recipe)
        if not issubclass(kind, PatchRecipe) or issubclass(kind, MemberRecipe):
            message = Message(
                "members_not_patches",
                name=spec.recipe,
            )
            raise DataError(message, code="bad_config")
        settings = {**spec.settings, **{name: self.settings[name] for name in GEOMETRY}}
        return kind.build(self.labels, settings)

    def train_members(
        self, dataset: Dataset, context: Context, start: float, end: float
    ) -> list[PatchRecipe[Settings]]:
        """Return all members, trained on the training part or opened; progress runs from start to end."""
        specs = parse_members(self.config.members)
        members: list[PatchRecipe[Settings]] = []
        for number, item in enumerate(specs):
            low = start + (end - start) * number / len(specs)
            inner = _inside(context, low, (end - start) / len(specs), FOLDER.format(number))
            if item.model:
                members.append(self._checked(open_patch_model(item.model, self.labels, context), item.model))
                members[-1].ready(context)
                continue
            member = self.fresh(item)
            member.fit(dataset, inner)
            members.append(member)
        if len({member.classes for member in members}) > 1:
            message = Message(
                "members_background",
            )
            raise DataError(message, code="other_labels")
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
        for member in self.members:
            member.ready(context)

    def rows_of(
        self, reader: SlideReader, content: str, squares: Squares, context: Context
    ) -> NDArray[np.float64]:
        """Return the members' probabilities for patches (n, members, k)."""
        answers = [m.judge(m.rows_of(reader, content, squares, context)) for m in self.members]
        return np.stack(answers, axis=1)

    def image_rows(self, images: Sequence[LabelledImage], context: Context) -> NDArray[np.float64]:
        """Return the members' probabilities for images (n, members, k)."""
        return np.stack([m.judge(m.image_rows(images, context)) for m in self.members], axis=1)

    def pixel_rows(self, reader: SlideReader, squares: Squares, context: Context) -> NDArray[np.uint8]:
        """Raise: the members read patches of different sizes."""
        del reader, squares, context
        message = Message(
            "no_single_way",
            recipe=self.name,
            title=self.title,
        )
        raise DataError(message, code="cannot_wrap")

    def image_pixel_rows(self, images: Sequence[LabelledImage], context: Context) -> NDArray[np.uint8]:
        """Raise, as ``pixel_rows`` does."""
        del context
        message = Message(
            "images_unlike",
            recipe=self.name,
            title=self.title,
            count=len(images),
        )
        raise DataError(message, code="cannot_wrap")

    def judge_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Raise, as ``pixel_rows`` does."""
        message = Message(
            "no_pixels_alone",
            recipe=self.name,
            title=self.title,
            shape=str(pixels.shape),
        )
        raise DataError(message, code="cannot_wrap")

    def _stream(self, reader: SlideReader, squares: Squares, context: Context) -> Iterator[PatchPredictions]:
        quiet = dataclasses.replace(context, report=lambda _share, words: context.report(0.0, words))
        content = feature_store(context).content_of(reader.path)
        for start in range(0, len(squares), CHUNK):
            part = Squares(squares.corners[start : start + CHUNK], squares.side)
            rows = self.rows_of(reader, content, part, quiet)
            yield predictions_of(np.arange(start, start + len(part)), self.judge(rows))

    def save(self, folder: Path) -> None:
        """Write the model, and every member in its own folder."""
        with remove_folder_on_failure(folder):
            super().save(folder)
            for number, member in enumerate(self.members):
                member.save(folder / FOLDER.format(number))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model folder; raises DataError(``bad_weights``)."""
        recipe = super().load(folder)
        for number in range(len(parse_members(recipe.config.members))):
            member = load_model(folder / FOLDER.format(number))
            if not isinstance(member, PatchRecipe):
                message = Message(
                    "member_no_patches",
                    folder=str(folder / FOLDER.format(number)),
                )
                raise DataError(message, code="bad_weights")
            recipe.members.append(member)
        return recipe


def _inside(context: Context, low: float, span: float, name: str) -> Context:
    return dataclasses.replace(
        context,
        scratch=context.scratch / name,
        features=context.features or context.scratch / "features",
        report=lambda share, words: context.report(low + span * share, words),
    )
