"""Page of a comparison for the browser: one file, whose tables are sorted by a click, without a network."""

import base64
import html
import re
from collections.abc import Sequence
from pathlib import Path

from engine.comparison.table import Table

UNITS = {"h": 3600.0, "min": 60.0, "s": 1.0}
STYLE = """
body { font: 15px/1.5 system-ui, "Noto Sans CJK SC", "Microsoft YaHei", sans-serif; color: #222; background: #fff;
  max-width: 1400px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 2em; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.92em; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3em 0.8em; text-align: left; border-bottom: 1px solid #ddd; white-space: nowrap; }
td.long { white-space: normal; min-width: 18em; }
th button { all: unset; cursor: pointer; font-weight: 600; } th button:focus-visible { outline: 2px solid #0072B2; }
th[aria-sort=ascending] button::after { content: " ▲"; } th[aria-sort=descending] button::after { content: " ▼"; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(40em, 100%), 1fr)); gap: 1.5em; }
figure { margin: 0; } img { max-width: 100%; height: auto; }
"""
SCRIPT = """
for (const button of document.querySelectorAll("th button")) button.onclick = () => {
  const head = button.parentNode, body = head.closest("table").tBodies[0], column = head.cellIndex;
  const down = head.getAttribute("aria-sort") === "ascending";
  for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const key = row => row.cells[column].dataset.value, known = text => text !== "" && isFinite(text);
  const order = (a, b) => {
    const [x, y] = [key(a), key(b)];
    if (known(x) !== known(y)) return known(x) ? -1 : 1;  // what has no number stays at the end
    return (down ? -1 : 1) * (known(x) ? x - y : x.localeCompare(y));
  };
  body.append(...[...body.rows].sort(order));
};
"""


def page(
    title: str, notes: Sequence[str], sections: Sequence[tuple[str, Table | Sequence[str] | Sequence[Path]]]
) -> str:
    """Return a page: heading, paragraphs, and sections with a table, a list of lines or figures."""
    parts = [f"<h1>{html.escape(title)}</h1>", *(f"<p>{html.escape(note)}</p>" for note in notes)]
    for heading, content in sections:
        parts.append(f"<h2>{html.escape(heading)}</h2>")
        if isinstance(content, Table):
            parts.append(_table(content))
        elif content and isinstance(content[0], Path):
            parts.append(f'<div class="figures">{"".join(_figure(Path(path)) for path in content)}</div>')
        else:
            parts.append(f"<ul>{''.join(f'<li>{html.escape(str(line))}</li>' for line in content)}</ul>")
    heads = [
        '<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
    ]
    heads += [f"<title>{html.escape(title)}</title>", f"<style>{STYLE}</style>"]
    return "\n".join([*heads, *parts, f"<script>{SCRIPT}</script>", "</html>\n"])


def sort_value(text: str) -> str:
    """Return what a cell is sorted by: the number that it begins with, the seconds of a time, or its text."""
    if re.fullmatch(r"([\d.]+ (h|min|s) ?)+", text):
        return str(sum(float(number) * UNITS[unit] for number, unit in re.findall(r"([\d.]+) (h|min|s)", text)))
    match = re.match(r"<?([+-]?[\d,]*\.?\d+(e[+-]?\d+)?)( |$)", text)
    return match[1].replace(",", "") if match else "" if text == "-" else text


def _table(table: Table) -> str:
    head = "".join(f"<th><button>{html.escape(name)}</button></th>" for name in table.names)
    rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>\n" for row in table.rows)
    return f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>'


def _cell(text: str) -> str:
    wide = ' class="long"' if len(text) > 40 else ""
    return f'<td{wide} data-value="{html.escape(sort_value(text))}">{html.escape(text)}</td>'


def _figure(path: Path) -> str:
    image = base64.b64encode(path.read_bytes()).decode()
    return f'<figure><img alt="{html.escape(path.stem)}" src="data:image/svg+xml;base64,{image}"></figure>'
