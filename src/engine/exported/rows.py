"""What people give as the inputs of an exported model, and its outputs as the columns of predictions."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.characters import encode
from engine.data.rows import named_rows
from engine.errors import DataError
from engine.runs.csv_file import Column

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
    return named_rows(rows, column_names(inputs))


def from_csv(content: bytes, inputs: Description, name: str = "the table", encoding: str = "utf-8") -> Array:
    """Return the rows of a table (N, columns) from the content of a CSV file; it may have other columns too.

    Raises:
        DataError: Naming row and column of what is no number.
    """
    from engine.data.table import Table  # pandas takes half a second

    return Table(Path(name), encoding, content).numbers(column_names(inputs))


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
        return ({} if index is None else {"index": index}) | _labels(metadata["outputs"], outputs)
    raise DataError(f"outputs of the kind {kind} cannot be read here")


def _numbers(metadata: Mapping[str, Any], inputs: Array, outputs: Array, targets: Array | None) -> Columns:
    """Return the inputs by name if they are columns, actual, predicted and the absolute error."""
    table = metadata["inputs"]["kind"] == "table"
    columns: Columns = dict(zip(column_names(metadata["inputs"]), inputs.T, strict=True)) if table else {}
    names = metadata["outputs"]["names"]
    if len(names) > 1:
        titles = [name if name.startswith("predicted") else f"predicted_{name}" for name in names]
        return columns | dict(zip(titles, outputs.T, strict=True))
    predicted = outputs.reshape(len(outputs))
    if targets is None:
        return columns | {"predicted": predicted}
    actual = targets.reshape(len(targets))
    return columns | {"actual": actual, "predicted": predicted, "error": abs(predicted - actual)}


def _labels(described: Description, probabilities: Array) -> Columns:
    """Return of each label whether it is predicted, and its probability."""
    columns: Columns = {}
    for name, cut, p in zip(described["labels"], described["thresholds"], probabilities.T, strict=True):
        columns |= {f"predicted_{name}": ["yes" if there else "no" for there in p >= cut], f"p_{name}": p}
    return columns


def _classes(classes: Sequence[str], probabilities: Array, labels: Array | None) -> Columns:
    """Return the label if it is known, the name of the predicted class and the probability of each class."""
    columns: Columns = {} if labels is None else {"label": [classes[label] for label in labels.tolist()]}
    columns["predicted"] = [classes[label] for label in probabilities.argmax(1).tolist()]
    return columns | {f"p_{name}": p for name, p in zip(classes, probabilities.T, strict=True)}
