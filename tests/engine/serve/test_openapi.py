import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support.onnx_models import of_classes, of_images, of_numbers, of_text

from engine.exported.model import ExportedModel
from engine.serve.batches import Job
from engine.serve.openapi import describe
from engine.serve.predictor import Predictor

MAKERS: dict[str, Callable[[Path], Path]] = {
    "numbers": lambda path: of_numbers(path, [[2], [-3]], ["x1", "x2"], ["price"]),
    "classes": lambda path: of_classes(path, [[2, 1], [-3, 1]], ["x 1", "ä"], ["no", "yes"]),
    "images": lambda path: of_images(path, ["a", "b", "c"]),
    "text": of_text,
}


@pytest.mark.parametrize("kind", MAKERS)
def test_the_description_is_valid_and_its_examples_are_answered(kind: str, tmp_path: Path) -> None:
    models = pytest.importorskip("fastapi.openapi.models")
    predictor = Predictor(ExportedModel(MAKERS[kind](tmp_path / "model.onnx")))
    description = describe("title", "1", predictor)
    models.OpenAPI(**description)
    content = description["paths"]["/predict"]["post"]["requestBody"]["content"]
    assert set(content) == set(predictor.media_types)
    answers = []
    for media_type, body in content.items():
        if "example" in body:
            example = body["example"]
            text = example if isinstance(example, str) else json.dumps(example)
            [answer] = predictor([Job(media_type, text.encode(), print)])
            assert isinstance(answer, bytes), answer
            answers.append(json.loads(answer)["predictions"])
    schema = description["paths"]["/predict"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    [[row]] = schema["properties"]["predictions"]["examples"]
    assert answers[0] == [row]
    assert list(row) == schema["properties"]["predictions"]["items"]["required"]


def test_columns_have_their_ranges(tmp_path: Path) -> None:
    predictor = Predictor(ExportedModel(MAKERS["numbers"](tmp_path / "model.onnx")))
    content = describe("title", "1", predictor)["paths"]["/predict"]["post"]["requestBody"]["content"]
    named = content["application/json"]["schema"]["anyOf"][0]["properties"]["rows"]["items"]
    assert named["properties"]["x1"] == {
        "type": "number",
        "description": "0 to 10 in the training data",
        "examples": [5.0],
    }
    assert content["text/csv"]["example"] == "x1,x2\n5.0,5.0\n"
