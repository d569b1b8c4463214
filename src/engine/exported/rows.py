"""What people give as the inputs of an exported model, and its outputs as the columns of predictions."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.data.characters import encode
from engine.data.rows import UNKNOWN, named_rows
from engine.errors import DataError
from engine.runs.csv_file import Column

if TYPE_CHECKING:
    from engine.data.mixed_table import MixedTable

Array = NDArray[Any]
Columns = dict[str, Column]
Description = Mapping[str, Any]  # inputs or outputs, as the metadata describes them


def column_names(inputs: Description) -> list[str]:
    """Return the names of the columns of a table."""
    return [column["name"] for column in inputs["columns"]]


def from_json(rows: Sequence[Any], inputs: Description) -> Array:
    """Return the rows of a table (N, columns): each an object with a number for each column, or a list of them.

    Raises:
        DataError: Naming row and column of what is no number.
    """
    names = column_names(inputs)
    if not rows or not is_mixed(inputs):
        return named_rows(rows, names)
    from engine.data.mixed_table import MixedTable  # pandas takes half a second

    return from_table(
        MixedTable.of([texts_of(row, names, number) for number, row in enumerate(rows, 1)], "rows"), inputs
    )


def from_csv(content: bytes, inputs: Description, name: str = "the table", encoding: str = "utf-8") -> Array:
    """Return the rows of a table (N, columns) from the content of a CSV file; it may have other columns too.

    Raises:
        DataError: Naming row and column of what is no number.
    """
    from engine.data.mixed_table import MixedTable  # pandas takes half a second

    return from_table(MixedTable(Path(name), encoding, content), inputs)


def from_table(table: "MixedTable", inputs: Description) -> Array:
    """Return the rows of a table (N, columns): a category as the number of its text, a gap as NaN if there may be one.

    Raises:
        DataError: Naming row and column of what is no number.
    """
    categories = {column["name"]: column["categories"] for column in inputs["columns"] if "categories" in column}
    numbers = [name for name in column_names(inputs) if name not in categories]
    gaps = any(column.get("gaps") for column in inputs["columns"])
    values = table.numbers_or_gaps(numbers) if gaps else table.numbers(numbers)
    if not categories:
        return values
    columns = dict(zip(numbers, values.T, strict=True))
    columns |= {name: table.codes(name, words) for name, words in categories.items()}
    return np.stack([columns[name] for name in column_names(inputs)], 1)


def is_mixed(inputs: Description) -> bool:
    """Return whether columns of a table may hold texts or gaps."""
    return any("categories" in column or column.get("gaps") for column in inputs["columns"])


def texts_of(row: Any, names: Sequence[str], number: int) -> dict[str, str]:
    """Return the values of a row, an object or a list, as texts by name; null is a blank.

    Raises:
        DataError: If one is missing.
    """
    values = dict(zip(names, row, strict=False)) if isinstance(row, list | tuple) and len(row) == len(names) else row
    missing = [name for name in names if name not in values] if isinstance(values, Mapping) else names
    if missing:
        raise DataError(f"row {number}: expected a value for each of {', '.join(names)}")
    return {name: "" if values[name] is None else str(values[name]) for name in names}


def from_image(
    content: bytes, inputs: Description, name: str = "the image", max_pixels: int | None = None
) -> NDArray[np.uint8]:
    """Return an image (1, height, width, channels) from the content of a PNG or JPEG file of any size.

    Args:
        content: Bytes of the file.
        inputs: What the model takes.
        name: What an error calls the image.
        max_pixels: Refuse a larger image before it is decoded.

    Raises:
        DataError: If it cannot be read.
    """
    from engine.data.decoding import decode  # Pillow is not needed for tables

    size = inputs["height"], inputs["width"]
    return decode(io.BytesIO(content), size, inputs["fit"], inputs["channels"], name, max_pixels)[None]


def from_prompt(prompt: str, inputs: Description) -> NDArray[np.int64]:
    """Return a text as character numbers (1, characters).

    Raises:
        DataError: If it is empty, or a character is not in the vocabulary.
    """
    if not prompt:
        raise DataError("the prompt is empty: --data.prompt TEXT")
    return encode(prompt, inputs["vocabulary"], "the prompt")[None]


def to_columns(
    metadata: Mapping[str, Any],
    inputs: Array,
    outputs: Array,
    targets: Array | None = None,
    index: Column | None = None,
) -> Columns:
    """Return the columns that `predict --run` writes, each with one entry a sample.

    Args:
        metadata: That of the model.
        inputs: What it was given (N, ...).
        outputs: What it returned (N, ...).
        targets: Numbers (N, 1) or class numbers (N,), if they are known.
        index: Names of the files of images, or numbers of rows, if there are any.

    Raises:
        DataError: If outputs are of a kind that is not known here.
    """
    kind = metadata["outputs"]["kind"]
    if kind == "numbers":
        return _numbers(metadata, inputs, outputs, targets)
    if kind == "classes":
        name = "file" if metadata["inputs"]["kind"] == "image" else "index"
        first = {} if index is None else {name: index}
        return first | _classes(metadata["outputs"]["classes"], outputs, targets)
    if kind == "labels":
        return ({} if index is None else {"index": index}) | _labels(metadata["outputs"], outputs, targets)
    raise DataError(f"outputs of the kind {kind} cannot be read here")


def _numbers(metadata: Mapping[str, Any], inputs: Array, outputs: Array, targets: Array | None) -> Columns:
    """Return the inputs by name if they are columns, actual, predicted and the absolute error."""
    table = metadata["inputs"]["kind"] == "table"
    described = metadata["inputs"]["columns"] if table else []
    columns: Columns = {
        about["name"]: _shown(column, about) for about, column in zip(described, inputs.T, strict=False)
    }
    names = metadata["outputs"]["names"]
    if len(names) > 1:
        for place, name in enumerate(names):
            title, predicted = name if name.startswith("predicted") else f"predicted_{name}", outputs[:, place]
            if targets is None:
                columns[title] = predicted
            else:
                actual = targets[:, place]
                columns |= {f"actual_{name}": actual, title: predicted, f"error_{name}": abs(predicted - actual)}
        return columns
    predicted = outputs.reshape(len(outputs))
    if targets is None:
        return columns | {"predicted": predicted}
    actual = targets.reshape(len(targets))
    return columns | {"actual": actual, "predicted": predicted, "error": abs(predicted - actual)}


def _shown(column: Array, about: Description) -> Column:
    """Return a column of inputs as people read it: a category as its text, a gap as nothing."""
    if "categories" in about:
        return [[UNKNOWN, *about["categories"]][int(number)] for number in column.tolist()]
    gaps = np.isnan(column)
    return [None if gap else value for value, gap in zip(column.tolist(), gaps, strict=True)] if gaps.any() else column


def _labels(described: Description, probabilities: Array, targets: Array | None) -> Columns:
    """Return of each label whether it is there, if that is known, whether it is predicted, and its probability."""
    columns: Columns = {}
    for place, (name, cut) in enumerate(zip(described["labels"], described["thresholds"], strict=True)):
        if targets is not None:
            columns[f"label_{name}"] = ["yes" if there else "no" for there in targets[:, place]]
        columns[f"predicted_{name}"] = ["yes" if p >= cut else "no" for p in probabilities[:, place]]
        columns[f"p_{name}"] = probabilities[:, place]
    return columns


def _classes(classes: Sequence[str], probabilities: Array, labels: Array | None) -> Columns:
    """Return the label if it is known, the name of the predicted class and the probability of each class."""
    columns: Columns = {} if labels is None else {"label": [classes[label] for label in labels.tolist()]}
    columns["predicted"] = [classes[label] for label in probabilities.argmax(1).tolist()]
    return columns | {f"p_{name}": p for name, p in zip(classes, probabilities.T, strict=True)}
