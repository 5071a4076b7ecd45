"""Every message in the sources has a text in each language, with the placeholders that its call fills."""

from __future__ import annotations

import ast
import copy
import json
import re
from pathlib import Path

import pytest

from ml.contracts import DataError
from ml.messages import LOCALES, PLACEHOLDER, Message, join_messages

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [*(ROOT / "ml").rglob("*.py"), *(ROOT / "server").rglob("*.py")]
# Parameters without a placeholder, by which the front end finds its own name of a recipe or a setting.
LOOKED_UP = {"recipe", "setting"}
# These copy a message with its own code.
COPIES = {"ml/slides/errors.py"}
# Lines of a table in a card, which hold no words.
COMMAND_LINE = ("ml/evaluation/card.py",)
LANGUAGES = ("en", "zh-CN")


def texts(language):
    return json.loads((LOCALES / f"{language}.json").read_text(encoding="utf-8"))


def calls():
    """Yield (place, code, names of the parameters or None where they are unpacked) of each message."""
    for path in SOURCES:
        place = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Message":
                [code] = node.args
                if place in COPIES and not isinstance(code, ast.Constant):
                    continue
                names = {keyword.arg for keyword in node.keywords}
                yield f"{place}:{node.lineno}", code.value, names


def blanks(text):
    return {match[1] for match in PLACEHOLDER.finditer(text)}


def test_every_message_has_a_text_whose_placeholders_are_filled():
    english = texts("en")
    listed = list(calls())
    assert len(listed) > 500
    unfilled = []
    for place, code, names in listed:
        assert code in english, f"{place}: {code}"
        # None stands for parameters that are unpacked.
        lacking = set() if None in names else blanks(english[code]) - names
        idle = names - blanks(english[code]) - LOOKED_UP - {None}
        unfilled += [(place, code, name) for name in sorted(lacking | idle)]
    assert unfilled == []


def test_only_the_command_line_words_its_messages_in_place():
    """A text of ours outside the catalogues would stay English on every page."""
    worded = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in SOURCES
        if not str(path.relative_to(ROOT)).startswith(COMMAND_LINE)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Message"
        for keyword in node.keywords
        if keyword.arg == "text"
        and isinstance(keyword.value, ast.JoinedStr | ast.Constant)
        and re.search(r"[a-z]", ast.unparse(keyword.value))
    ]
    assert worded == []


def test_the_catalogues_hold_the_same_messages_and_no_others():
    used = {code for _place, code, _names in calls()}
    for language in LANGUAGES:
        assert set(texts(language)) == used
    english, chinese = (texts(language) for language in LANGUAGES)
    assert {code: blanks(text) for code, text in chinese.items()} == {
        code: blanks(text) for code, text in english.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_is_sorted_and_has_no_placeholder_of_another_form(language):
    path = LOCALES / f"{language}.json"
    assert path.read_text(encoding="utf-8") == (
        json.dumps(texts(language), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    )
    assert not [code for code, text in texts(language).items() if "{" in PLACEHOLDER.sub("", text)]


def test_an_unknown_code_is_refused_where_the_message_is_made():
    with pytest.raises(KeyError):
        Message("of_tomorrow")


def test_numbers_have_separators_where_the_text_asks_for_them():
    assert str(Message("objects_read", done=12000)) == "12,000 objects read"
    assert str(Message("patches_read", done=1200, total=9)) == "Read 1200 of 9 patches"


def test_a_message_in_a_message_crosses_to_another_process_and_into_json():
    inner = Message("row_no_geometry")
    # A copy is made as another process makes it: of the arguments.
    error = copy.copy(DataError(Message("row_refused", row=3, reason=inner), code="bad"))
    assert (error.code, str(error)) == ("bad", "Row 3: It has no geometry.")
    assert copy.deepcopy(error.detail) == error.detail
    stored = error.detail.as_json()
    assert stored["params"] == {
        "row": 3,
        "reason": {"code": "row_no_geometry", "params": {}, "text": "It has no geometry."},
    }
    assert Message.from_json(json.loads(json.dumps(stored))) == error.detail


def test_an_error_in_a_message_is_its_own_message():
    reason = DataError(Message("row_no_geometry"), code="bad")
    assert Message("row_refused", row=3, reason=reason).params["reason"] == Message("row_no_geometry")
    assert str(Message("row_refused", row=3, reason=ValueError("no"))) == "Row 3: no"


@pytest.mark.parametrize(
    "stored",
    [
        {"text": "As it was", "code": "of_yesterday", "params": {}},
        {"text": "As it was", "code": "row_refused", "params": {"row": 3}},
    ],
)
def test_a_stored_message_that_no_longer_fits_keeps_its_text(stored):
    assert str(Message.from_json(stored)) == "As it was"


def test_joined_messages_keep_their_codes():
    joined = join_messages([Message("no_labels"), Message("row_no_geometry")])
    assert re.fullmatch(r".+ It has no geometry\.", str(joined))
    assert joined.params["first"] == Message("no_labels")
    assert join_messages([Message("no_labels")]) == Message("no_labels")
