"""From the bodies of requests to answers in JSON, a batch at a time."""

import base64
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.errors import CommandError, DataError, nearest, one_line
from engine.exported.language import continued
from engine.exported.model import Array, ExportedModel
from engine.exported.rows import column_names, from_csv, from_image, from_json, from_prompt, to_columns
from engine.runs.csv_file import values
from engine.serve.batches import Answer, Job
from engine.serve.refusal import IMAGES, PIXELS, PROMPTS, ROWS, STEPS, Refusal

JSON = "application/json"
TYPES = {"table": (JSON, "text/csv"), "image": ("image/png", "image/jpeg", JSON), "text": (JSON, "text/plain")}
LIMITS = {"table": ROWS, "image": IMAGES, "text": PROMPTS}
PIECE = {"table": 4096, "image": 64}  # samples that the network gets at a time
TEXT = {"prompt": None, "length": 200, "temperature": 0.5, "seed": 0}  # of a continuation, as `predict` has them
TEMPERATURES = 0.01, 100  # of which logits divided by them are finite
Rows = list[dict[str, Any]]


class Predictor:
    """Answers batches of requests; an exported model of one kind takes bodies of few media types.

    Args:
        model: What predicts.

    Attributes:
        media_types: What a body may be.
        example: A body in JSON, as Python values.
        answer: The rows of its answer, which was predicted: the first prediction takes longest.
    """

    def __init__(self, model: ExportedModel) -> None:
        self.model = model
        self.kind: str = model.inputs["kind"]
        if self.kind not in TYPES:
            raise DataError(f"{model.path} takes inputs of the kind {self.kind}, which serve does not know")
        self.media_types = TYPES[self.kind]
        self.example = {"rows": [self._sample()]}
        self.answer = self.predict_example()

    def __call__(self, jobs: Sequence[Job]) -> Sequence[Answer]:
        """Return the answer to each request, or why it has none."""
        found = [self._read(job) for job in jobs]
        if self.kind == "text":
            return [part if isinstance(part, Refusal) else _json(self._texts(part)) for part in found]
        good = [part for part in found if not isinstance(part, Refusal)]
        rows = self._rows(np.concatenate(good)) if good else []
        answers: list[Answer] = []
        start = 0
        for part in found:
            if isinstance(part, Refusal):
                answers.append(part)
            else:
                answers.append(_json(rows[start : start + len(part)]))
                start += len(part)
        return answers

    def predict_example(self) -> Rows:
        """Return the rows of the answer to the example."""
        [answer] = self([Job(JSON, json.dumps(self.example).encode(), print)])
        if isinstance(answer, Refusal):
            raise CommandError(f"{self.model.path} cannot predict its own example: {answer}")
        rows: Rows = json.loads(answer)["predictions"]
        return rows

    def _read(self, job: Job) -> Any:
        """Return what a body holds: an array of inputs, or prompts; or why it cannot be read."""
        try:
            return self._inputs(job.media_type, job.body)
        except Refusal as refusal:
            return refusal
        except CommandError as error:
            return self._refusal(str(error).splitlines()[0])
        except Exception as error:  # Pillow and pandas raise errors of any class for bytes of any kind
            return Refusal(422, f"the body cannot be read as {job.media_type}: {one_line(error)[:200]}")

    def _inputs(self, media_type: str, body: bytes) -> Any:
        inputs = self.model.inputs
        if media_type == "text/csv":
            return self._limited(from_csv(body, inputs))
        if media_type == "text/plain":
            return [self._prompt({"prompt": body.decode()}, 1)]
        if media_type != JSON:
            return from_image(body, inputs, max_pixels=PIXELS)
        rows = self._limited(_listed(body))
        if self.kind == "table":
            return from_json(rows, inputs)
        if self.kind == "image":
            return np.concatenate([self._image(row, number) for number, row in enumerate(rows, 1)])
        prompts = [self._prompt(row, number) for number, row in enumerate(rows, 1)]
        if sum(map(steps, prompts)) > STEPS:
            raise Refusal(413, "these rows have too many characters for one request: send several")
        return prompts

    def _limited(self, rows: Any) -> Any:
        if not len(rows):
            raise DataError("there are no rows")
        if len(rows) > LIMITS[self.kind]:
            raise Refusal(413, f"{len(rows):,} rows are more than {LIMITS[self.kind]:,}: send several requests")
        return rows

    def _rows(self, inputs: Array) -> Rows:
        """Return the rows of predictions.csv."""
        size = PIECE[self.kind]
        outputs = np.concatenate([self.model(inputs[start : start + size]) for start in range(0, len(inputs), size)])
        columns = to_columns(self.model.metadata, inputs, outputs)
        names = list(columns)
        return [dict(zip(names, row, strict=True)) for row in zip(*map(values, columns.values()), strict=True)]

    def _image(self, row: Any, number: int) -> Array:
        """Return an image from its file in base64."""
        place = f"row {number}, column image"
        text = row.get("image") if isinstance(row, Mapping) else None
        if not isinstance(text, str):
            raise DataError(f"{place}: expected a PNG or JPEG file in base64")
        try:
            content = base64.b64decode(text.partition(",")[2] if text.startswith("data:") else text, validate=True)
        except ValueError as error:
            raise DataError(f"{place}: is not base64: {error}") from error
        return from_image(content, self.model.inputs, place, PIXELS)

    def _prompt(self, row: Any, number: int) -> dict[str, Any]:
        """Return the arguments of a continuation."""
        if not isinstance(row, Mapping) or not isinstance(row.get("prompt"), str) or not row["prompt"]:
            raise DataError(f"row {number}, column prompt: expected a text that is not empty")
        for name in row:
            if name not in TEXT:
                raise DataError(f"row {number} has an unknown column {name!r:.100}{nearest(str(name), TEXT)}")
        found = TEXT | dict(row)
        for name, kinds in (("length", int), ("temperature", int | float), ("seed", int)):
            value = found[name]
            if isinstance(value, bool) or not isinstance(value, kinds) or not 0 <= value < math.inf:
                whole = "" if name == "temperature" else "whole "
                raise DataError(f"row {number}, column {name}: {value!r:.100} is not a {whole}number of 0 or more")
        low, high = TEMPERATURES
        if found["temperature"] and not low <= found["temperature"] <= high:
            raise DataError(f"row {number}, column temperature: expected 0, or a number from {low} to {high}")
        if steps(found) > STEPS:
            raise Refusal(413, f"row {number}: the prompt and its length are too many characters", number)
        from_prompt(found["prompt"], self.model.inputs)
        return found

    def _texts(self, prompts: Sequence[dict[str, Any]]) -> Rows:
        """Return how prompts go on, and the probabilities of the next character."""
        rows = []
        for prompt in prompts:
            columns = continued(self.model, **prompt)
            inputs, window = from_prompt(prompt["prompt"], self.model.inputs), self.model.shape[1]
            chances = self.model(inputs[:, -window:] if window else inputs)[0].tolist()
            letters = self.model.inputs["vocabulary"]
            row = {name: column[0] for name, column in columns.items()}
            rows.append(row | {f"p_{letter}": p for letter, p in zip(letters, chances, strict=True)})
        return rows

    def _refusal(self, detail: str) -> Refusal:
        """Return the refusal of a body, with row and column apart if the text names them."""
        detail = detail.removeprefix("the table, ")
        place = re.match(r"row (\d+)(?:, column )?", detail)
        if place is None:
            return Refusal(422, detail)
        inputs, rest = self.model.inputs, detail[place.end() :]
        names = column_names(inputs) if self.kind == "table" else ["image"] if self.kind == "image" else list(TEXT)
        named = [name for name in names if re.match(re.escape(name) + r"(:| is)", rest)]
        return Refusal(422, detail, int(place[1]), max(named, key=len, default=None))

    def _sample(self) -> dict[str, Any]:
        """Return a row that this model can predict."""
        inputs = self.model.inputs
        if self.kind == "table":
            return {column["name"]: _mean(column) for column in inputs["columns"]}
        if self.kind == "text":
            letters = inputs["vocabulary"].replace("\n", "") or inputs["vocabulary"]
            return {"prompt": (letters * 2)[: self.model.shape[1] or 8], "length": 8}
        from PIL import Image

        file = io.BytesIO()
        Image.new("L", (inputs["width"], inputs["height"])).save(file, "PNG")
        return {"image": base64.b64encode(file.getvalue()).decode()}


def steps(prompt: Mapping[str, Any]) -> int:
    """Return the characters that the network reads for a continuation: all of them, again for each that it adds."""
    length: int = prompt["length"]
    return (len(prompt["prompt"]) + length) * (length + 1)


def _mean(column: Mapping[str, Any]) -> float | str:
    """Return the mean of a column, or the nearest number that it may be; the first of categories."""
    if column.get("categories"):
        return str(column["categories"][0])
    mean = column.get("mean") or 0.0
    return round(mean) if column.get("integer") else float(f"{mean:.4g}")


def _listed(body: bytes) -> list[Any]:
    """Return the rows in JSON: {"rows": [...]}, [...] or one row alone."""
    try:
        found = json.loads(body.decode("utf-8-sig"))
    except RecursionError as error:
        raise Refusal(422, "the body is nested too deeply") from error
    except ValueError as error:
        raise Refusal(422, f"the body is not JSON: {error}") from error
    if isinstance(found, dict):
        found = found["rows"] if isinstance(found.get("rows"), list) else [found]
    if not isinstance(found, list):
        raise Refusal(422, 'expected {"rows": [...]} or a list of rows')
    return found


def _json(rows: Rows) -> bytes:
    try:
        return json.dumps({"predictions": rows}, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:  # JSON has no word for infinity
        finite = [{name: value if _is_finite(value) else None for name, value in row.items()} for row in rows]
        return json.dumps({"predictions": finite}, ensure_ascii=False).encode()


def _is_finite(value: Any) -> bool:
    return not isinstance(value, float) or math.isfinite(value)
