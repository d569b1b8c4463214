"""The page of `serve` in a browser."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait
from support import PRODUCT, PROJECT, Result, read_csv
from support.browser import opened
from support.onnx_models import of_classes, of_images, of_numbers, of_text
from support.server import Server, served

App = Callable[..., Result]
pytestmark = pytest.mark.slow
EVIL = "<script>document.title = 'run'</script><img src=x onerror=\"document.title = 'run'\">"
DROP = """
const file = new File([Uint8Array.from(arguments[0])], arguments[1], {type: arguments[2]});
const dataTransfer = new DataTransfer();
dataTransfer.items.add(file);
document.body.dispatchEvent(new DragEvent("drop", {dataTransfer, bubbles: true, cancelable: true}));
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    with opened() as chrome:
        yield chrome


@pytest.fixture(autouse=True)
def complaints(browser: Chrome) -> Iterator[None]:
    """No test may leave a complaint of the browser, of what the page's policy forbids say; a refusal is none."""
    yield
    browser.get("about:blank")  # before the next server starts
    entries = browser.get_log("browser")  # type: ignore[no-untyped-call]  # as selenium has it
    lines = [entry["message"] for entry in entries]
    assert [line for line in lines if "status of 422" not in line] == []


class Page:
    def __init__(self, browser: Chrome, server: Server, access: str = "") -> None:
        self.browser = browser
        browser.get(f"http://{access}127.0.0.1:{server.port}/")

    def one(self, selector: str) -> WebElement:
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def wait(self, selector: str, words: str) -> str:
        """Wait until an element shows words, and return all that it shows."""
        until = WebDriverWait(self.browser, 20, 0.05)
        until.until(lambda _: words in self.text(selector), f"{selector} without {words!r}: {self.text(selector)!r}")
        return self.text(selector)

    def text(self, selector: str) -> str:
        return " ".join(element.text for element in self.browser.find_elements(By.CSS_SELECTOR, selector))

    def script(self, code: str, *arguments: Any) -> Any:
        return self.browser.execute_script(code, *arguments)

    def drop(self, content: bytes, name: str, media_type: str) -> None:
        self.script(DROP, list(content), name, media_type)

    def draw(self, *points: tuple[int, int]) -> None:
        """Draw a line through points, counted from the middle of the field."""
        field, pen = self.one("#drawing"), ActionChains(self.browser, duration=20)
        pen.move_to_element_with_offset(field, *points[0]).click_and_hold()
        for point in points[1:]:
            pen.move_to_element_with_offset(field, *point)
        pen.release().perform()


@contextmanager
def shown(browser: Chrome, *words: str | Path) -> Iterator[Page]:
    with served(*words) as server:
        yield Page(browser, server)


def test_the_form_of_product_is_filled_and_predicts(app: App, browser: Chrome) -> None:
    assert app("fit", "--config", PRODUCT).exit_code == 0
    assert app("export", "--run", "product").exit_code == 0
    with served("--run", "product") as server:
        page = Page(browser, server)
        assert [label.text for label in browser.find_elements(By.CSS_SELECTOR, "#fields label")] == ["x1", "x2"]
        assert "test samples" in page.text("header")
        page.one("#column-0").send_keys("3", Keys.TAB, "4")
        page.wait(".winner", ".")  # without a press of the button
        expected = server.predict({"rows": [{"x1": 3, "x2": 4}]}).json["predictions"][0]["predicted"]
        assert float(page.text(".winner")) == pytest.approx(expected, rel=1e-4) == pytest.approx(12, abs=1)
        assert "Outside" not in page.text("#fields")
        page.one("#column-1").send_keys("4")
        assert "Outside the training data" in page.text("#column-1-hint")
        page.one("#means").click()
        page.wait(".winner", "3")
        assert page.one("#column-0").get_attribute("value") == page.one("#column-0").get_attribute("placeholder")


def test_texts_are_chosen_and_gaps_left_blank(app: App, browser: Chrome) -> None:
    config = PROJECT / "configs" / "tabular_mixed.yaml"
    assert app("fit", "--config", config, "--trainer.max_epochs", "2").exit_code == 0
    assert app("export", "--run", "tabular_mixed").exit_code == 0
    with served("--run", "tabular_mixed") as server:
        page = Page(browser, server)
        page.one("#means").click()
        before = page.wait(".winner", ".")
        page.one("[name=neighbourhood]").send_keys("Stone Park")
        page.one("[name=lot_front_m]").send_keys(Keys.BACKSPACE * 10)
        WebDriverWait(browser, 20).until(lambda _: page.text(".winner") not in ("", before))
        names = browser.find_elements(By.CSS_SELECTOR, "#fields label")
        fields = browser.find_elements(By.CSS_SELECTOR, "#fields input, #fields select")
        row = {name.text: field.get_attribute("value") for name, field in zip(names, fields, strict=True)}
        assert (row["neighbourhood"], row["lot_front_m"]) == ("Stone Park", "")
        expected = server.predict({"rows": [row]}).json["predictions"][0]["predicted"]
        WebDriverWait(browser, 20).until(lambda _: float(page.text(".winner")) == pytest.approx(expected, rel=1e-4))


def test_labels_that_are_there_are_named(app: App, browser: Chrome) -> None:
    config = PROJECT / "configs" / "multilabel.yaml"
    assert app("fit", "--config", config, "--trainer.max_epochs", "40").exit_code == 0
    assert app("export", "--run", "multilabel").exit_code == 0
    with served("--run", "multilabel") as server:
        page = Page(browser, server)
        page.one("#means").click()
        page.wait("#answer", "none")
        field = page.one("[name=temperature_c]")
        field.clear()
        field.send_keys("78")
        page.wait("#answer", "overheating")
        assert page.text(".bars li:first-child span:first-child") == "overheating"


def test_a_seven_that_is_drawn_is_read_as_seven(app: App, browser: Chrome, real_mnist: Path) -> None:
    config = PROJECT / "configs" / "mnist_mlp.yaml"
    words = ("--data.root", real_mnist, "--trainer.max_epochs", "2")
    assert app("fit", "--config", config, *words).exit_code == 0
    assert app("export", "--run", "mnist_mlp").exit_code == 0
    with shown(browser, "--run", "mnist_mlp") as page:
        for right in (0, 40):  # in the middle, small, and in a corner: the network sees the same
            half = 50 if right == 0 else 20
            page.one("#clear").click()
            page.draw((right - half, -half - right), (right + half, -half - right), (right - 5, half - right))
            page.wait(".winner", "7")
            assert page.text(".bars li:first-child span:first-child") == "7"
            lit = page.script(
                "const {data} = document.querySelector('#seen').getContext('2d').getImageData(0, 0, 28, 28);"
                "return Array.from({length: 784}, (_, place) => data[4 * place]);"
            )
            mass = [
                sum(light * (place % 28 if across else place // 28) for place, light in enumerate(lit)) / sum(lit)
                for across in (True, False)
            ]
            assert mass == pytest.approx([14, 14], abs=0.2)  # as in MNIST
            rows = [place // 28 for place, light in enumerate(lit) if light]
            assert 19 <= max(rows) - min(rows) + 1 <= 21
        page.draw((-60, 60), (-20, 60))
        page.one("#undo").click()
        page.wait(".winner", "7")
        page.one("#clear").click()
        page.wait("#answer", "Draw")
        assert page.text("#details") == ""


def test_an_image_is_dropped_or_chosen(browser: Chrome, folder: Path) -> None:
    of_images(folder / "colours.onnx", ["red", "green", "blue"])
    for colour in ("green", "blue"):
        Image.new("RGB", (30, 20), colour).save(folder / f"{colour}.png")
    with shown(browser, "--model", folder / "colours.onnx") as page:
        assert not page.one("#drawing").is_displayed()  # colours cannot be drawn
        page.drop((folder / "blue.png").read_bytes(), "blue.png", "image/png")
        page.wait(".winner", "blue")
        assert page.one("#shown").is_displayed()
        page.one("#file").send_keys(str(folder / "green.png"))
        page.wait(".winner", "green")
        page.drop(b"no image", "no.png", "image/png")
        page.wait("#message", "image")
        assert page.text("#answer") == ""  # an old answer would be taken for that of the new image


def test_a_wrong_value_shows_its_row_and_column(browser: Chrome, folder: Path) -> None:
    of_numbers(folder / "table.onnx", [[2], [-3]], ["x1", "width, in m"], ["price"])
    with shown(browser, "--model", folder / "table.onnx") as page:
        page.one("#column-0").send_keys("3")
        page.one("#column-1").send_keys("wide", Keys.ENTER)
        page.wait("#message", "row 1, column width, in m: 'wide' is not a finite number")
        assert page.text("#column-1-hint") == "'wide' is not a finite number"
        assert page.one("#column-1").get_attribute("aria-invalid") == "true"
        assert page.script("return document.activeElement.id") == "column-1"
        page.one("#column-1").send_keys(Keys.BACKSPACE * 4, "1")
        page.wait(".winner", "3")
        assert page.one("#column-1").get_attribute("aria-invalid") is None
        assert not page.one("#message").is_displayed()
        page.one("summary").click()
        page.one("#csv").send_keys('x1,"width, in m"\n1,2\n3,\n')
        page.one("#rows button").click()
        page.wait("#message", "row 2, column width, in m: '' is not a finite number")
        chosen = "const field = arguments[0]; return field.value.slice(field.selectionStart, field.selectionEnd)"
        assert page.script(chosen, page.one("#csv")) == "3,"


def test_predictions_of_a_file_are_those_of_predict(app: App, browser: Chrome, folder: Path) -> None:
    model = of_classes(folder / "table.onnx", [[1, -1], [-0.5, 0.3]], ["x1", "x2"], ["yes", 'a "no", or so'])
    table = "".join(f"{row / 7},{row % 5}\n" for row in range(150))
    (folder / "new.csv").write_text(f"x1,x2\n{table}")
    assert app("predict", "--model", model, "--data.path", folder / "new.csv").exit_code == 0
    expected = read_csv(folder / "predictions.csv")
    (folder / "down").mkdir()
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder / "down")})
    with shown(browser, "--model", model) as page:
        page.drop((folder / "new.csv").read_bytes(), "new.csv", "text/csv")
        page.wait("#answer", "150 rows, the first 100")
        assert len(browser.find_elements(By.CSS_SELECTOR, "tbody tr")) == 100
        page.one("#details a").click()
        file, deadline = folder / "down" / "predictions.csv", time.monotonic() + 20
        while not file.is_file() and time.monotonic() < deadline:
            time.sleep(0.1)
    found = read_csv(file)
    assert [row["predicted"] for row in found] == [row["predicted"] for row in expected]
    assert {row["predicted"] for row in found} == {"yes", 'a "no", or so'}
    for name in ("p_yes", 'p_a "no", or so'):
        assert [float(row[name]) for row in found] == [float(row[name]) for row in expected]


def test_a_prompt_goes_on(browser: Chrome, folder: Path) -> None:
    of_text(folder / "text.onnx", "ab\n ")
    with shown(browser, "--model", folder / "text.onnx") as page:
        page.one("#start").send_keys("ab")
        page.wait(".bars li:first-child", "↵")  # what comes next is there before anything is drawn
        assert page.text("mark") == ""
        page.script("const range = document.querySelector('#temperature'); range.value = 0; range.oninput();")
        page.one("#continue").click()
        WebDriverWait(browser, 30).until(lambda _: page.text("#continue") == "Continue")
        assert page.script("return document.querySelector('.story').textContent") == ("ab\n " * 51)[:202]
        page.one("#again").click()
        WebDriverWait(browser, 30).until(
            lambda _: page.script("return document.querySelector('mark').textContent") == ""
        )
        page.one("#start").send_keys("z")
        page.wait("#message", "'z' is not in the vocabulary")


def test_names_are_shown_as_they_are(browser: Chrome, folder: Path) -> None:
    model = of_classes(folder / "table.onnx", [[1, -1]], [EVIL], [EVIL, "{{title}}"])
    with shown(browser, "--model", model) as page:
        page.one("#means").click()
        assert EVIL in page.wait(".winner", "script")
        assert page.text("#fields label") == EVIL
        assert "{{title}}" in page.text(".bars")
        assert browser.title == "by_hand/version_0"


def test_a_token_is_asked_for_once(browser: Chrome, folder: Path) -> None:
    of_numbers(folder / "table.onnx", [[2]], ["x1"], ["price"])
    with served("--model", folder / "table.onnx", "--token", "a long secret") as server:
        page = Page(browser, server, access="any:a%20long%20secret@")  # what the browser's own dialogue sends
        page.one("#column-0").send_keys("3", Keys.ENTER)
        page.wait(".winner", "6")
        assert "Authorization: Bearer TOKEN" in page.text("#example")
        assert "secret" not in browser.page_source


@pytest.mark.parametrize("kind", ["table", "image", "text"])
def test_it_fits_a_phone_and_every_control_has_a_name(kind: str, browser: Chrome, folder: Path) -> None:
    model = folder / "model.onnx"
    if kind == "table":
        of_classes(model, [[1, -1]] * 12, [f"a_rather_long_name_of_a_column_{n}" for n in range(12)], ["a" * 60, "b"])
    elif kind == "image":
        of_images(model, ["grey"], (28, 28), channels=1)
    else:
        of_text(model)
    size = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        with shown(browser, "--model", model) as page:
            for element in browser.find_elements(By.CSS_SELECTOR, "summary"):
                element.click()
            if kind == "table":
                page.one("#means").click()
                page.wait(".winner", "a")
            assert page.script("return document.documentElement.scrollWidth") <= 360
            controls = browser.find_elements(By.CSS_SELECTOR, "input, textarea, button, canvas, summary, pre")
            unnamed = [e.get_attribute("outerHTML") for e in controls if e.is_displayed() and not e.accessible_name]
            assert len(controls) > 5
            assert unnamed == []
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
