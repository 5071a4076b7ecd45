"""``python -m ml``: every method from a terminal, without the server."""

from __future__ import annotations

import argparse
import importlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ml.catalogue.info import RecipeInfo, ToolInfo
from ml.catalogue.registry import RECIPES, TOOLS, find_recipe, find_tool
from ml.contracts import Context, DataError, Dataset, Evaluation, Recipe, Settings, Task
from ml.data import load_dataset, split_dataset
from ml.data.folders.first_look import validate_images
from ml.data.manifest import with_stored_split, write_split
from ml.data.match import match_labels
from ml.data.workers import usual_workers
from ml.evaluation.card import format_estimate, model_card
from ml.inference.writing import write_prediction
from ml.messages import Message
from ml.methods.loading import load_model, load_recipe_class
from ml.slides import SlideError, open_as
from ml.slides.resolution import predict_square
from ml.storage.hashing import content_hash
from ml.storage.model_folder import read_model
from ml.storage.room import is_full, remove_folder_on_failure
from ml.training.together import joined, place, wait_for_all

ALONE = (0, 1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Return 0 on success; print one line about the error and return 2 on failure."""
    options = _parser().parse_args(arguments)
    try:
        with joined(getattr(options, "device", "cpu")) as options.device:
            options.run(options)
    except (DataError, SlideError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        if not is_full(error):
            raise
        sys.stderr.write(f"The disk is full: {error}. Make room, then start again.\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    listing = commands.add_parser("list", help="say which recipes there are")
    listing.add_argument("--json", action="store_true", help="with all settings, as JSON")
    listing.set_defaults(run=_list)

    fit = commands.add_parser("fit", help="learn from a folder of labelled data")
    fit.add_argument("recipe")
    fit.add_argument("--data", type=Path, required=True, help="folder of labelled data")
    fit.add_argument("--out", type=Path, required=True, help="new folder for the model")
    fit.add_argument("--seed", type=int, default=0)
    fit.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings")
    _add_common(fit)
    fit.set_defaults(run=_fit)

    evaluate = commands.add_parser("evaluate", help="measure a model")
    evaluate.add_argument("model", type=Path)
    evaluate.add_argument("--data", type=Path, required=True, help="folder of labelled data")
    evaluate.add_argument("--part", choices=("all", "test"), help="default: what it never saw")
    evaluate.add_argument("--json", action="store_true")
    _add_common(evaluate)
    evaluate.set_defaults(run=_evaluate)

    predict = commands.add_parser("predict", help="write what a model finds on a slide")
    predict.add_argument("model", type=Path)
    predict.add_argument("slide", type=Path)
    predict.add_argument("--out", type=Path, required=True, help="folder for the results")
    predict.add_argument(
        "--clinical", action="append", default=[], metavar="FIELD=VALUE", help="what is known of the patient"
    )
    _add_common(predict)
    predict.set_defaults(run=_predict)

    run = commands.add_parser("run", help="run a tool of the list", add_help=False)
    run.add_argument("tool")
    run.add_argument("rest", nargs=argparse.REMAINDER, help="see: run TOOL --help")
    run.set_defaults(run=_run_tool)

    claims = commands.add_parser("claims", help="measure what methods claim, beside a baseline")
    claims.add_argument("name", nargs="?", default="", help="of a claim or of a method; all without")
    claims.add_argument("--table", action="store_true", help="print what was measured and kept")
    claims.add_argument("--list", action="store_true", help="say which claims there are")
    claims.add_argument("--keep", action="store_true", help="keep the figures for the table")
    claims.add_argument("--seeds", type=int, default=5, help="how many seeds, 5 by default")
    claims.add_argument("--at-once", type=int, default=1, help="how many seeds side by side")
    claims.set_defaults(run=_claims)
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="cpu", help="cpu, or cuda")
    parser.add_argument(
        "--workers", type=int, help="processes that read slides ahead; by default none on a CPU"
    )
    parser.add_argument("--features", type=Path, help="folder that keeps features between runs")


def _list(options: argparse.Namespace) -> None:
    if options.json:
        described = [*map(_describe, RECIPES), *map(_describe_tool, TOOLS)]
        _print(json.dumps(described, indent=2, ensure_ascii=False))
        return
    for info in RECIPES:
        _print_method(info, info.task)
        for item in info.fields:
            _print(f"    {item.name}={item.default}  {item.description}")
    for tool in TOOLS:
        _print_method(tool, f"tool, {tool.group}")


def _print_method(info: RecipeInfo[Settings] | ToolInfo, kind: str) -> None:
    _print(f"{info.name} ({kind}): {info.title}. {info.summary}")
    _print(f"    source: {info.source}")
    _print(f"    claim: {info.claim}")


def _describe(info: RecipeInfo[Settings]) -> dict[str, Any]:
    words = ("name", "title", "task", "summary", "source", "claim", "needs", "cost", "quick")
    keys = (
        "name", "title", "description", "unit", "type", "default", "minimum", "maximum", "choices",
        "optional",
    )  # fmt: skip
    fields = [{key: getattr(item, key) for key in keys} for item in info.fields]
    return {"kind": "recipe", **{word: getattr(info, word) for word in words}, "fields": fields}


def _describe_tool(info: ToolInfo) -> dict[str, Any]:
    words = ("name", "title", "group", "summary", "source", "claim")
    return {"kind": "tool", **{word: getattr(info, word) for word in words}}


def _run_tool(options: argparse.Namespace) -> None:
    info = find_tool(options.tool)
    module = importlib.import_module(info.module)
    parser = argparse.ArgumentParser(prog=f"python -m ml run {info.name}", description=info.summary)
    module.add_arguments(parser)
    module.run(parser.parse_args(options.rest))


def _claims(options: argparse.Namespace) -> None:
    import torch  # noqa: PLC0415 - takes seconds, and nobody else needs it here

    from ml import claims  # noqa: PLC0415 - brings every method and its networks
    from ml.claims import harness  # noqa: PLC0415 - the same

    claims.load_claims()
    if options.table:
        _print(harness.as_table(claims.stored_rows()))
        return
    for item in claims.find_claims(options.name):
        if options.list:
            _print(f"{item.name}: {item.method} against {item.baseline}, {item.metric} on {item.data}")
            continue
        if item.gpu and not torch.cuda.is_available():
            sys.stderr.write(f"{item.name} needs a GPU, and there is none here.\n")
            continue
        row = claims.measure_claim(item, _commit(), range(options.seeds), options.at_once)
        if options.keep:
            harness.store(row)
        _print(harness.as_table([row]).splitlines()[-1])


def _commit() -> str:
    git = ("git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD")
    result = subprocess.run(git, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    return result.stdout.strip() or "unknown"


def _fit(options: argparse.Namespace) -> None:
    info = find_recipe(options.recipe)
    config = info.complete_config(_settings(info, options.settings))
    if options.out.exists():
        message = Message("out_model_exists", out=str(options.out))
        raise DataError(message, code="not_new")
    dataset = split_dataset(load_dataset(options.data), options.seed)
    recipe = load_recipe_class(info.name).build(dataset.labels, config)
    _look_over(dataset, recipe, learned=True)
    with tempfile.TemporaryDirectory(prefix="ml-") as scratch:
        context = _context(options, Path(scratch), options.seed)
        recipe.fit(dataset, context)
        evaluation = _measured(recipe, dataset, context)
    if place()[0]:
        return
    with remove_folder_on_failure(options.out):
        recipe.save(options.out)
        write_split(options.out, dataset)
        card = model_card(read_model(options.out), evaluation)
        (options.out / "card.md").write_text(card, encoding="utf-8")
    _print(f"The model is in {options.out}; card.md there says how good it is.")


def _look_over(dataset: Dataset, recipe: Recipe[Settings], *, learned: bool) -> None:
    """Print warnings about the images on standard error; raises DataError where no label can be learned."""
    for sentence in validate_images(dataset, learned=learned, resized=recipe.task is Task.PATCH):
        if not place()[0]:
            sys.stderr.write(f"{sentence}\n")


def _measured(recipe: Recipe[Settings], dataset: Dataset, context: Context) -> Evaluation | None:
    """Return the evaluation on the held-out part; None where it has no labels."""
    try:
        return recipe.evaluate(dataset, context)
    except DataError as error:
        if error.code not in {"no_labels", "nothing_to_measure"}:
            raise
        return None


def _evaluate(options: argparse.Namespace) -> None:
    model = read_model(options.model)
    loaded = load_dataset(options.data)
    known = with_stored_split(options.model, loaded)
    dataset = match_labels(known or loaded, model.labels)
    part = options.part or ("test" if known else "all")
    if part == "test" and known is None:
        message = Message("data_without_test_part", data=str(options.data))
        raise DataError(message, code="no_split")
    with tempfile.TemporaryDirectory(prefix="ml-") as scratch:
        context = _context(options, Path(scratch), model.seed)
        recipe = load_model(options.model)
        _look_over(dataset, recipe, learned=False)
        evaluation = recipe.evaluate(dataset, context, part)
    if options.json:
        _print(json.dumps(_as_json(evaluation, part), ensure_ascii=False))
        return
    _print(f"{evaluation.count} items of the part {part}")
    for name, estimate in evaluation.metrics.items():
        _print(f"{name:<32}{format_estimate(estimate)}")


def _as_json(evaluation: Evaluation, part: str) -> dict[str, Any]:
    def plain(number: float) -> float | None:
        return number if number == number else None  # noqa: PLR0124 - JSON knows no NaN

    return {
        "part": part,
        "count": evaluation.count,
        "labels": list(evaluation.labels),
        "metrics": {
            name: {
                "value": plain(item.value),
                "low": plain(item.low),
                "high": plain(item.high),
            }
            for name, item in evaluation.metrics.items()
        },
        "confusion": None if evaluation.confusion is None else evaluation.confusion.tolist(),
    }


def _predict(options: argparse.Namespace) -> None:
    model = read_model(options.model)
    recipe = load_model(options.model)
    # Named by the model, so that results of another one are not taken for this one's.
    blocks = options.out / f".blocks-{content_hash(options.model)[:12]}"
    with (
        tempfile.TemporaryDirectory(prefix="ml-") as scratch,
        open_as(options.slide, recipe.channels) as slide,
    ):
        context = replace(
            _context(options, Path(scratch), model.seed),
            clinical=_clinical_fields(options.clinical),
            blocks=blocks,
        )
        if context.share != ALONE:
            # Each process leaves its share of the blocks there; the first one then puts all together.
            for _ in predict_square(recipe, slide, context):
                pass
            wait_for_all()
            if context.share[0]:
                return
        written = write_prediction(recipe, model.labels, slide, options.out, replace(context, share=ALONE))
    shutil.rmtree(blocks, ignore_errors=True)
    _print(f"{written.objects} objects and {len(written.heat_maps)} heat maps in {options.out}")
    if written.finding is not None and len(written.finding.probability):
        best = int(written.finding.probability.argmax())
        refer = "; a person should decide" if written.finding.refer else ""
        _print(f"The slide: {model.labels[best]}, {written.finding.probability[best]:.1%}{refer}")


def _clinical_fields(pairs: Sequence[str]) -> dict[str, float | str | None]:
    fields: dict[str, float | str | None] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            message = Message("clinical_pair_malformed", pair=pair)
            raise DataError(message, code="bad_clinical")
        try:
            fields[key] = float(text)
        except ValueError:
            fields[key] = text or None
    return fields


def _settings(info: RecipeInfo[Settings], pairs: Sequence[str]) -> dict[str, Any]:
    fields = {item.name: item for item in info.fields}
    values: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or key not in fields:
            message = Message("set_pair_malformed", pair=pair, known=", ".join(fields))
            raise DataError(message, code="bad_config")
        values[key] = fields[key].parse(text)
    return values


def _context(options: argparse.Namespace, scratch: Path, seed: int) -> Context:
    last = [""]

    def report(progress: float, message: Message) -> None:
        line = f"{progress:4.0%} {message}"
        if sys.stderr.isatty() and line != last[0]:
            sys.stderr.write(f"\r\033[K{line}" + ("\n" if progress >= 1 else ""))
            last[0] = line

    workers = usual_workers(options.device) if options.workers is None else options.workers
    return Context(seed, scratch, options.device, options.features, report, workers=workers, share=place())


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
