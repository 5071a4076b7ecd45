"""Descriptions of recipes, tools and their settings. Free of torch."""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic

from ml.contracts import DataError, SettingsT_co, Task
from ml.messages import Message

LONGEST_TEXT = 200
# Answers about how patients fare, which are learned from follow-up.
SURVIVAL = ("cox", "hazards")


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One setting. ``type`` is integer, number, choice, boolean or text; ``optional`` allows None."""

    name: str
    title: str
    description: str
    unit: str
    type: str
    default: Any
    minimum: float | None
    maximum: float | None
    choices: tuple[str, ...]
    optional: bool

    def check(self, value: Any) -> Any:
        """Return the value converted to its type; raises DataError(``bad_config``) naming the field."""
        if value is None and self.optional:
            return None
        if self.type == "choice":
            return self._checked_choice(value)
        if self.type == "boolean":
            if not isinstance(value, bool):
                raise _refused(
                    Message(
                        "setting_no_boolean",
                        value=repr(value),
                        **self._names,
                    )
                )
            return value
        if self.type == "text":
            if not isinstance(value, str) or len(value) > LONGEST_TEXT:
                raise _refused(
                    Message(
                        "setting_no_text",
                        most=LONGEST_TEXT,
                        **self._names,
                    )
                )
            return value
        return self._checked_number(value)

    def parse(self, text: str) -> Any:
        """Return the value parsed from a text; raises DataError(``bad_config``)."""
        if self.optional and text.lower() in {"", "none", "null"}:
            return None
        if self.type == "boolean" and text.lower() in {"true", "false"}:
            return text.lower() == "true"
        if self.type not in {"integer", "number"}:
            return self.check(text)
        try:
            number = float(text)
        except ValueError:
            raise self._no_number(text) from None
        return self.check(number)

    def _checked_choice(self, value: Any) -> Any:
        if value not in self.choices:
            raise _refused(
                Message(
                    "setting_no_choice",
                    known=", ".join(self.choices),
                    value=repr(value),
                    **self._names,
                )
            )
        return value

    def _checked_number(self, value: Any) -> int | float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self._no_number(value)
        if self.type == "integer" and value != int(value):
            raise _refused(
                Message(
                    "setting_not_whole",
                    value=repr(value),
                    **self._names,
                )
            )
        if self.minimum is not None and value < self.minimum:
            raise _refused(
                Message(
                    "setting_too_low",
                    bound=f"{self.minimum:g}",
                    value=f"{value:g}",
                    **self._names,
                )
            )
        if self.maximum is not None and value > self.maximum:
            raise _refused(
                Message(
                    "setting_too_high",
                    bound=f"{self.maximum:g}",
                    value=f"{value:g}",
                    **self._names,
                )
            )
        return int(value) if self.type == "integer" else float(value)

    @property
    def _names(self) -> dict[str, str]:
        return {"setting": self.name, "title": self.title}

    def _no_number(self, value: Any) -> DataError:
        return _refused(
            Message(
                "setting_no_number",
                value=repr(value),
                **self._names,
            )
        )


@dataclass(frozen=True, slots=True)
class RecipeInfo(Generic[SettingsT_co]):
    """Title, source, claim, settings and needs of a method, as pages and the command line show them.

    ``needs`` lists its inputs, ``claim`` states the expected gain, ``cost`` the usual time.
    ``class_name`` is its class in the module ``recipe`` of its folder. ``rank`` is its place in lists, the
    smallest first. ``channels`` says whether it takes slides of several channels, of fluorescence or near
    infrared, as well as colour images.
    """

    name: str
    title: str
    task: Task
    summary: str
    source: str
    claim: str
    needs: str
    cost: str
    quick: bool
    config: type[SettingsT_co]
    class_name: str
    rank: int
    channels: bool = False

    @property
    def fields(self) -> tuple[FieldInfo, ...]:
        """Return the settings in the order of the form."""
        types = typing.get_type_hints(self.config)
        return tuple(_field_info(item, types[item.name]) for item in dataclasses.fields(self.config))

    def complete_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings with all defaults; raises DataError(``bad_config``) naming the field."""
        known = {item.name: item for item in self.fields}
        unknown = sorted(set(config) - set(known))
        if unknown:
            raise _refused(
                Message(
                    "no_such_setting",
                    recipe=self.name,
                    title=self.title,
                    unknown=", ".join(unknown),
                    known=", ".join(known),
                )
            )
        return {name: item.check(config.get(name, item.default)) for name, item in known.items()}

    def needs_resolution(self, config: Mapping[str, Any]) -> bool:
        """Return whether slides must have a resolution (µm per pixel) with these settings."""
        return self.complete_config(config).get("mpp") is not None

    def needs_follow_up(self, config: Mapping[str, Any]) -> bool:
        """Return whether cases must have follow-up with these settings."""
        return self.complete_config(config).get("answer") in SURVIVAL


def _refused(sentence: Message) -> DataError:
    return DataError(sentence, code="bad_config")


def _field_info(item: dataclasses.Field[Any], hint: Any) -> FieldInfo:
    kinds = {kind for kind in (typing.get_args(hint) or (hint,)) if kind is not type(None)}
    meta = item.metadata
    return FieldInfo(
        name=item.name,
        title=meta["title"],
        description=meta["description"],
        unit=meta["unit"],
        type=_type_name(kinds.pop(), meta["choices"]),
        default=item.default,
        minimum=meta["minimum"],
        maximum=meta["maximum"],
        choices=meta["choices"],
        optional=type(None) in typing.get_args(hint),
    )


def _type_name(kind: type[Any], choices: tuple[str, ...]) -> str:
    if choices:
        return "choice"
    return {int: "integer", float: "number", bool: "boolean", str: "text"}[kind]


@dataclass(frozen=True, slots=True)
class ToolInfo:
    """Description of a tool: a method beside the recipes, which makes or measures something.

    ``group`` is its folder in ``ml/tools``: models, slides or data.
    Its module has ``add_arguments(parser)`` and ``run(options)``.
    """

    name: str
    title: str
    group: str
    summary: str
    source: str
    claim: str

    @property
    def module(self) -> str:
        """Return the name of its module, as in ``ml.tools.slides.label_transfer``."""
        return f"ml.tools.{self.group}.{self.name.replace('-', '_')}"
