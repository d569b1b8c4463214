"""Web page of a model: one file made from its metadata, without a network and without a framework."""

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
HTML, STYLE = (HERE / "page.html").read_text("utf-8"), (HERE / "page.css").read_text("utf-8")
SCRIPT = (HERE / "inputs.js").read_text("utf-8") + (HERE / "page.js").read_text("utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


# The header Content-Security-Policy of the page: no script runs but its own, whatever a model's metadata holds.
POLICY = (
    f"default-src 'none'; style-src {_digest(STYLE)}; script-src {_digest(SCRIPT)}; connect-src 'self'; "
    "img-src blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page(metadata: dict[str, Any], token: bool = False) -> str:
    """Return the page of an exported model: a form, a field to draw or drop an image in, or a prompt.

    Args:
        metadata: Of the model.
        token: Whether the server asks for one; examples of code send it then.
    """
    model = {"inputs": metadata["inputs"], "outputs": metadata["outputs"], "token": token}
    title = html.escape(str(metadata.get("title") or "model"))
    parts = {
        "title": title,
        "heading": title.replace("/", "/<wbr>"),
        "facts": "\n".join(f"<p>{line}</p>" for line in _facts(metadata)),
        "style": STYLE,
        "script": SCRIPT,
        # Read by JSON.parse, never as HTML: `</script>` and `<!--` are all that could end it.
        "model": json.dumps(model).replace("<", "\\u003c"),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda mark: parts[mark[1]], HTML)


def _facts(metadata: dict[str, Any]) -> list[str]:
    """Return lines of HTML: how good the model is, and where it comes from."""
    metrics = {name.partition("/")[2] or name: value for name, value in (metadata.get("metrics") or {}).items()}
    shown = [name for name in metrics if name != "loss" and not any(name.startswith(f"{other}_") for other in metrics)]
    scores = [f"{html.escape(name)} <b>{metrics[name]:.4g}</b>" for name in shown[:3]]
    samples = f" on {metadata.get('samples', 0):,} {html.escape(str(metadata.get('split', '')))} samples"
    origin = [metadata.get("task"), metadata.get("run"), str(metadata.get("created") or "")[:10]]
    parts = [f"<span>{html.escape(str(part))}</span>" for part in origin if part]
    return [", ".join(scores) + samples] * bool(scores) + [" · ".join(parts)]
