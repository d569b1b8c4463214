from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from support.browser import opened

from engine.comparison.page import page, sort_value
from engine.comparison.table import Table

TABLE = Table(
    ["group", "score", "time", "p"],
    [
        ["b", "9.5 ± 0.5 (3)", "1 min 20 s", "<0.001"],
        ["a <i>&", "10.25 ± 1 (3)", "9.5 s", "0.020"],
        ["c", "-", "1 h 02 min", "-"],
        ["d", "-1e-3 (1)", "2.0 s", "1.000"],
    ],
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.9726 ± 0.0037 (5)", "0.9726"),
        ("-1.5e-05 (1)", "-1.5e-05"),
        ("+0.2", "+0.2"),
        ("12,345", "12345"),
        ("1 min 20 s", "80.0"),
        ("1 h 02 min", "3720.0"),
        ("2.0 s", "2.0"),
        ("<0.001", "0.001"),
        ("-", ""),
        ("[16, 8]", "[16, 8]"),
        ("3x3", "3x3"),
        ("adam", "adam"),
    ],
)
def test_a_cell_is_sorted_by_its_number(text: str, value: str) -> None:
    assert sort_value(text) == value


def test_a_page_holds_texts_as_they_are_and_nothing_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "x.svg").write_text("<svg/>")
    text = page("a <b>", ["1 < 2"], [("T", TABLE), ("F", [tmp_path / "x.svg"]), ("L", ["<script>"])])
    assert "<title>a &lt;b&gt;</title>" in text
    assert "<li>&lt;script&gt;</li>" in text
    assert "a &lt;i&gt;&amp;" in text
    assert 'src="data:image/svg+xml;base64,PHN2Zy8+"' in text
    assert "http" not in text


@pytest.mark.slow
def test_a_click_sorts_the_table(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(page("t", [], [("T", TABLE)]), encoding="utf-8")
    with opened() as driver:
        driver.get(path.as_uri())

        def order_by(column: int) -> list[str]:
            driver.find_elements(By.CSS_SELECTOR, "th button")[column].click()
            return [cell.text[0] for cell in driver.find_elements(By.CSS_SELECTOR, "td:first-child")]

        assert order_by(0) == ["a", "b", "c", "d"]
        assert order_by(0) == ["d", "c", "b", "a"]
        assert order_by(1) == ["d", "b", "a", "c"]
        assert order_by(1) == ["a", "b", "d", "c"]  # what has no number stays at the end
        assert order_by(2) == ["d", "a", "b", "c"]
        assert order_by(3) == ["b", "a", "d", "c"]
        assert driver.find_elements(By.CSS_SELECTOR, "th[aria-sort=ascending]")[0].text.startswith("p")
