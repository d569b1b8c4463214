"""`predict --model FILE`: the predictions of an exported model, without its run and without PyTorch."""

import argparse
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine import console, process
from engine.data.paths import check_encoding, locate
from engine.data.rows import is_file, pairs_of, rows_of
from engine.errors import CommandError, DataError, UsageError, check_range, nearest
from engine.exported.language import continued
from engine.exported.model import Array, ExportedModel
from engine.exported.rows import Columns, Description, column_names, from_table, is_mixed, to_columns
from engine.project import program
from engine.runs import csv_file
from engine.runs.files import replacing
from engine.settings.options import Parser

if TYPE_CHECKING:
    from engine.data.mixed_table import MixedTable

PIECE = 65_536  # rows of a table that are in memory at a time
BATCH = 4096  # of them, those that the model gets at a time
IMAGES = 64  # images that are in memory at a time
FIRST = 10  # rows that are printed


class Blank(Exception):
    """A target is blank: no row of the file is compared with its target."""


def run(words: Sequence[str], file: str) -> None:
    """Write the predictions of an exported model to a file, and print the first of them.

    Raises:
        UsageError: If what to predict is not said, or in a way that the model does not know.
        DataError: If the model or the data cannot be read.
    """
    signal.signal(signal.SIGTERM, process.terminate)
    model = ExportedModel(Path(file).expanduser())
    kind = model.inputs["kind"]
    if kind not in READERS:
        raise DataError(f"{model.path} takes inputs of the kind {kind}, which cannot be read here")
    options = _parser(kind).parse_args([word.replace("--data.init_args.", "--data.") for word in words])
    if options.temperature is not None:
        _checked(check_range, "model.temperature", options.temperature, 0)
        _checked(check_range, "model.length", options.length, 1)
    _checked(check_encoding, options.encoding)
    console.say(f"loaded {model.path}, exported from {model.metadata.get('title', 'a run')}")
    output = Path(options.output)
    try:
        count = _write(model, options, output)
    except OSError as error:
        raise CommandError(f"{os.strerror(error.errno or 0)}: {error.filename or output}") from error
    console.say(f"all {console.count(count, 'row')}: {output}")


def _parser(kind: str) -> argparse.ArgumentParser:
    """Return the parser of what a model of a kind takes."""
    parser = Parser(prog=f"{program()} predict", allow_abbrev=False, add_help=False)
    parser.set_defaults(temperature=None, encoding="utf-8")
    parser.add_argument("--model", metavar="FILE")
    parser.add_argument("--output", metavar="FILE", default="predictions.csv")
    add = parser.add_argument
    if kind == "table":
        add("--input", metavar="VALUES")
        add("--data.path", dest="path", metavar="FILE")
        add("--data.target", dest="target", metavar="NAME")
        add("--data.encoding", dest="encoding", default="utf-8")
    elif kind == "image":
        add("--data.root", dest="root", metavar="FOLDER")
    else:
        add("--data.prompt", dest="prompt", metavar="TEXT")
        add("--model.length", dest="length", type=int, default=200)
        add("--model.temperature", dest="temperature", type=float, default=0.5)
        add("--seed_everything", dest="seed", type=int, default=0)
    return parser


def _checked(check: Any, *arguments: Any) -> None:
    try:
        check(*arguments)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _write(model: ExportedModel, options: argparse.Namespace, output: Path) -> int:
    """Write all rows, with what is known of targets if no target is blank; return their number."""
    read = READERS[model.inputs["kind"]]
    try:
        return _write_columns(read(model, options, True), output)
    except Blank:
        return _write_columns(read(model, options, False), output)


def _write_columns(parts: Iterator[Columns], output: Path) -> int:
    names: list[str] = []
    first: list[tuple[Any, ...]] = []
    count = 0
    with replacing(output) as file:
        for columns in parts:
            if not names:
                names = list(columns)
                file.write(csv_file.header(names).encode())
            arrays = list(columns.values())
            head = [csv_file.values(column[: max(0, FIRST - count)]) for column in arrays]
            first += zip(*head, strict=True)
            count += len(arrays[0])
            file.write(csv_file.lines(arrays).encode())
    console.table(f"first {len(first)} of {count} predictions", names, first)
    return count


def _table(model: ExportedModel, options: argparse.Namespace, compare: bool) -> Iterator[Columns]:
    """Yield the columns of the rows of a table, a piece at a time."""
    names = column_names(model.inputs)
    given = options.input if options.path is None else options.path
    if given is None or (options.input is not None and options.path is not None):
        columns = model.inputs["columns"]
        values = ",".join(f"{c['name']}={c.get('mean', 0):{'.0f' if c.get('integer') else '.3g'}}" for c in columns)
        shown = values if len(names) < 5 else "new.csv"
        raise UsageError(f"{_title(model)} predicts from {', '.join(names)}: --data.path new.csv, or --input {shown}")
    if options.path is None and not is_file(given):
        row = _row(given, model.inputs)
        yield to_columns(model.metadata, row, _predicted(model, row))
        return
    from engine.data.mixed_table import MixedTable  # pandas takes half a second

    table = MixedTable(locate(given, beside=Path()), options.encoding)
    target = _target(model, table, options.target) if compare and options.path is not None else []
    start = 0
    for inputs, targets in _pieces(model, table, target):
        index = None if targets is None else np.arange(start, start + len(inputs))
        start += len(inputs)
        yield to_columns(model.metadata, inputs, _predicted(model, inputs), targets, index)


def _target(model: ExportedModel, table: "MixedTable", asked: str | None) -> list[str]:
    """Return the columns that are predicted, none if the file does not have them."""
    if asked is not None and asked not in table.columns:
        raise DataError(f"{table.path} has no column {asked}{nearest(asked, table.columns)}")
    outputs = model.outputs
    names = outputs.get("names", ())
    target = asked or outputs.get("target") or (names[0] if len(names) == 1 and names[0] != "predicted" else None)
    several = outputs.get("labels", names if len(names) > 1 else ())
    targets = list(several) if several and asked is None else [target]
    return [str(name) for name in targets] if all(name in table.columns for name in targets) else []


def _pieces(model: ExportedModel, table: "MixedTable", target: list[str]) -> Iterator[tuple[Array, Array | None]]:
    """Yield inputs and targets of a file, a piece at a time.

    Raises:
        Blank: If a target is blank, here or further down.
        DataError: If a value is not what it is to be, as if the file had been read whole.
    """
    inputs = model.inputs
    texts = [*target] if {"classes", "labels"} & model.outputs.keys() else []
    texts += [name for name in column_names(inputs) if is_mixed(inputs) and name in table.columns]
    try:
        for piece in table.pieces(PIECE, texts):
            yield from_table(piece, inputs), _targets(piece, target, model.outputs)
    except DataError:
        _targets(table, target, model.outputs)
        from_table(table, inputs)
        raise


def _row(given: str, inputs: Description) -> Array:
    """Return `x1=3,x2=4` as a row of the inputs (1, columns)."""
    names = column_names(inputs)
    if not is_mixed(inputs):
        return rows_of(given, names)
    from engine.data.mixed_table import MixedTable

    return from_table(MixedTable.of([pairs_of(given, names, "value")], "input"), inputs)


def _targets(table: "MixedTable", target: list[str], outputs: Description) -> Array | None:
    if not target:
        return None
    if any(map(table.blank, target)):
        raise Blank
    if "labels" in outputs:
        return table.yes_no(target)
    return table.labels(target[0], outputs["classes"]) if "classes" in outputs else table.numbers(target)


def _predicted(model: ExportedModel, inputs: Array) -> Array:
    return np.concatenate([model(inputs[start : start + BATCH]) for start in range(0, len(inputs), BATCH)])


def _images(model: ExportedModel, options: argparse.Namespace, compare: bool) -> Iterator[Columns]:
    """Yield the columns of the images in a folder; sub-folders that are classes are their labels."""
    from engine.data.decoding import fill
    from engine.data.image_folders import to_predict

    if options.root is None:
        raise UsageError(f"{_title(model)} predicts images: --data.root FOLDER, with PNG or JPEG files in it")
    root = locate(options.root, beside=Path())
    if not root.is_dir():
        raise DataError(f"{root} is not a folder")
    folder = root / "test" if (root / "test").is_dir() else root
    files, labels = to_predict(folder, model.outputs.get("classes", ()))
    names = [file.relative_to(root).as_posix() for file in files]
    inputs = model.inputs
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(files), IMAGES):
            part = slice(start, start + IMAGES)
            size = len(files[part]), inputs["height"], inputs["width"], inputs["channels"]
            images = np.empty(size, dtype=np.uint8)
            fill(images, files[part], inputs["fit"], pool.map)
            targets = None if labels is None else np.array(labels[part])
            yield to_columns(model.metadata, images, model(images), targets, names[part])


def _text(model: ExportedModel, options: argparse.Namespace, compare: bool) -> Iterator[Columns]:
    """Yield the columns of a prompt."""
    if options.prompt is None:
        raise UsageError(f"{_title(model)} continues a text: --data.prompt TEXT")
    yield continued(model, options.prompt, options.length, options.temperature, options.seed)


def _title(model: ExportedModel) -> str:
    return f"{model.path} ({model.metadata['title']})" if "title" in model.metadata else str(model.path)


READERS = {"table": _table, "image": _images, "text": _text}
