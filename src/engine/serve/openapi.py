"""The description of the interface, OpenAPI 3.1, made from what the model takes and returns."""

from collections.abc import Mapping
from typing import Any

from engine.serve.predictor import JSON, TEXT, Predictor
from engine.serve.refusal import BODY, IMAGES, PROMPTS, ROWS

Schema = dict[str, Any]
ERROR: Schema = {
    "type": "object",
    "required": ["detail"],
    "properties": {
        "detail": {"type": "string", "examples": ["row 1, column x1: 'abc' is not a finite number"]},
        "row": {"type": "integer", "minimum": 1, "description": "the row that is wrong, from 1"},
        "column": {"type": "string"},
    },
}
REFUSALS = {
    "401": "a token is needed",
    "413": f"more than {BODY // 2**20} MB, or too many rows",
    "415": "a body of another media type",
    "422": "a value is wrong: its row and column",
    "503": "too many requests at once: try again after Retry-After",
}


def describe(title: str, version: str, predictor: Predictor) -> Schema:
    """Return the description of a server."""
    row = {"table": _columns, "image": _image, "text": _text}[predictor.kind](predictor.model.inputs)
    bodies = {media_type: _body(media_type, row, predictor) for media_type in predictor.media_types}
    answer = {"type": "object", "required": ["predictions"], "properties": {"predictions": _answers(predictor)}}
    responses = {"200": _response("a prediction for each row, in their order", answer)}
    responses |= {status: _response(text, ERROR) for status, text in REFUSALS.items()}
    predict = {
        "summary": "Predict",
        "operationId": "predict",
        "requestBody": {"required": True, "content": bodies},
        "responses": responses,
    }
    paths = {
        "/predict": {"post": predict},
        "/health": _get("Whether it is well; says no more, and needs no token"),
        "/info": _get("What the model says of itself, and the SHA-256 of its file"),
    }
    schemes = {"token": {"type": "http", "scheme": "bearer", "description": "if the server was started with --token"}}
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": _about(predictor.model.metadata)},
        "paths": paths,
        "components": {"securitySchemes": schemes},
        "security": [{}, {"token": []}],
    }


def _about(metadata: Mapping[str, Any]) -> str:
    scores = ", ".join(f"{name} {value:.4g}" for name, value in (metadata.get("metrics") or {}).items())
    samples = f"{metadata.get('samples', 0):,} samples of the {metadata.get('split', 'test')} split"
    return f"{metadata.get('task', 'A model')}{f': {scores} on {samples}' if scores else ''}"


def _get(summary: str) -> Schema:
    return {"get": {"summary": summary, "responses": {"200": _response(summary, {"type": "object"})}}}


def _response(text: str, schema: Schema) -> Schema:
    return {"description": text, "content": {JSON: {"schema": schema}}}


def _body(media_type: str, row: Schema, predictor: Predictor) -> Schema:
    example = predictor.example["rows"][0]
    if media_type == JSON:
        most = {"table": ROWS, "image": IMAGES, "text": PROMPTS}[predictor.kind]
        rows = {"type": "array", "minItems": 1, "maxItems": most, "items": row}
        named = {"type": "object", "required": ["rows"], "properties": {"rows": rows}}
        return {"schema": {"anyOf": [named, rows, row]}, "example": predictor.example}
    if media_type == "text/csv":
        lines = [",".join(map(str, line)) for line in (example, example.values())]
        return {"schema": {"type": "string"}, "example": "\n".join([*lines, ""])}
    if media_type == "text/plain":
        return {"schema": {"type": "string"}, "example": example["prompt"]}
    return {"schema": {"type": "string", "contentMediaType": media_type, "format": "binary"}}


def _columns(inputs: Mapping[str, Any]) -> Schema:
    """Return the schema of a row of a table; values outside the range of the training data are allowed."""
    properties = {}
    for column in inputs["columns"]:
        found: Schema = {"type": ["number", "null"] if column.get("gaps") else "number"}
        if column.get("categories"):  # others are taken for unknown ones
            found = {"type": "string", "examples": column["categories"]}
        if column.get("min") is not None:
            found["description"] = f"{column['min']:g} to {column['max']:g} in the training data"
        if column.get("mean") is not None:
            found["examples"] = [round(column["mean"]) if column.get("integer") else float(f"{column['mean']:.4g}")]
        properties[column["name"]] = found
    return {"type": "object", "required": list(properties), "properties": properties}


def _image(inputs: Mapping[str, Any]) -> Schema:
    size = f"brought to {inputs['width']} x {inputs['height']} pixels ({inputs['fit']})"
    colours = "grey" if inputs["channels"] == 1 else "in colour"
    image = {"type": "string", "contentEncoding": "base64", "description": f"a PNG or JPEG file, {size}, {colours}"}
    return {"type": "object", "required": ["image"], "properties": {"image": image}}


def _text(inputs: Mapping[str, Any]) -> Schema:
    known = {
        "prompt": {"type": "string", "minLength": 1, "description": f"of the characters {inputs['vocabulary']!r}"},
        "length": {"type": "integer", "minimum": 0, "description": "characters to add"},
        "temperature": {"type": "number", "minimum": 0, "description": "0 takes the likeliest character"},
        "seed": {"type": "integer", "minimum": 0},
    }
    defaults = {name: {"default": value} for name, value in TEXT.items() if value is not None}
    properties = {name: schema | defaults.get(name, {}) for name, schema in known.items()}
    return {"type": "object", "required": ["prompt"], "properties": properties, "additionalProperties": False}


def _answers(predictor: Predictor) -> Schema:
    """Return the schema of the predictions: the columns of predictions.csv."""
    [example] = predictor.answer
    properties = {name: {"type": "string" if isinstance(value, str) else "number"} for name, value in example.items()}
    return {
        "type": "array",
        "items": {"type": "object", "required": list(example), "properties": properties},
        "examples": [[example]],
    }
