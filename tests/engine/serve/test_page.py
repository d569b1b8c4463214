import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

from engine.serve.page import POLICY, page

EVIL = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(1)> {{script}}"
METADATA: dict[str, Any] = {
    **{"version": 1, "title": "product/version_3", "task": "Regression", "run": "lightning_logs/product/version_3"},
    **{"metrics": {"test/loss": 0.25, "test/mae": 0.21534, "test/r2": 0.99978}, "samples": 10000, "split": "test"},
    "inputs": {"kind": "table", "columns": [{"name": "x1", "min": 1.0, "max": 9.0, "mean": 5.0, "integer": False}]},
    "outputs": {"kind": "numbers", "names": ["price"], "units": [None]},
    "created": "2026-11-24T17:00:00+00:00",
}


class Elements(HTMLParser):
    """Names of the elements of a page, their attributes, and what is in its scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[str] = []
        self.shown = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] in ("script", "style") and self.cdata_elem:
            self.inside.append(data)
        else:
            self.shown += data


def test_it_says_how_good_the_model_is_and_where_it_comes_from() -> None:
    shown = " ".join(Elements(page(METADATA)).shown.split())
    assert "product/version_3 mae 0.2153, r2 0.9998 on 10,000 test samples" in shown
    assert "Regression · lightning_logs/product/version_3 · 2026-11-24" in shown
    recall = {"test/accuracy": 0.5, "test/accuracy_cat/dog": 0.25}
    assert "accuracy 0.5 on" in Elements(page(METADATA | {"metrics": recall})).shown


def test_nothing_in_the_metadata_becomes_html() -> None:
    plain = [tag for tag, _ in Elements(page(METADATA | {"metrics": {"mae": 1.0}})).found]
    columns = [{"name": EVIL, "min": 0, "max": 1, "mean": 0.5, "integer": False}]
    evil = METADATA | dict.fromkeys(("title", "task", "run", "split", "created"), EVIL) | {"metrics": {EVIL: 1.0}}
    evil |= {"inputs": {"kind": "table", "columns": columns}, "outputs": {"kind": "classes", "classes": [EVIL, "b"]}}
    found = Elements(page(evil))
    assert [tag for tag, _ in found.found if tag != "wbr"] == [tag for tag in plain if tag != "wbr"]
    model = json.loads(next(text for text in found.inside if text.startswith('{"inputs"')))
    assert model["outputs"]["classes"] == [EVIL, "b"]
    assert model["inputs"]["columns"] == columns


def test_its_policy_allows_its_own_style_and_script_and_nothing_of_the_network() -> None:
    found = Elements(page(METADATA))
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in found.inside]
    style, _, script = digests
    assert f"style-src 'sha256-{style}'; script-src 'sha256-{script}'; connect-src 'self'" in POLICY
    assert POLICY.startswith("default-src 'none'")
    attributes = [name for _, named in found.found for name in named]
    assert not [name for name in attributes if name.startswith("on") or name == "style"]
    assert not re.search(r"https?:|//\w", page(METADATA).replace("// ", ""))


def test_examples_send_a_token_where_one_is_asked_for() -> None:
    assert '"token": false' in page(METADATA)
    assert '"token": true' in page(METADATA, token=True)
