"""A headless Chromium that looks at TensorBoard, whose pages hide their content in shadow trees."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

# Every element of the page, those in shadow trees too.
WALK = """
const all = [];
const walk = node => { all.push(node); if (node.shadowRoot) walk(node.shadowRoot); node.childNodes.forEach(walk); };
walk(document.body);
"""
TEXT = WALK + "return all.filter(n => n.nodeType === 3 && !['STYLE', 'SCRIPT'].includes(n.parentNode.nodeName))"
TEXT += ".map(n => n.data.trim()).filter(Boolean).join('\\n');"
IMAGES = WALK + "return all.filter(n => n.nodeName === 'IMG' && n.complete && n.naturalWidth > 100).length;"
CHARTS = WALK + "return all.filter(n => n.nodeName === 'path' && (n.getAttribute('d') || '').length > 50).length;"


@contextmanager
def opened() -> Iterator[webdriver.Chrome]:
    """Yield a browser; skip the test where there is none."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not program or not driver:
        pytest.skip("Debian's chromium and chromium-driver are not installed")
    options = Options()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1500,1200"):
        options.add_argument(argument)
    chrome = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield chrome
    finally:
        chrome.quit()


def tab(driver: webdriver.Chrome, address: str, name: str, *words: str) -> str:
    """Open a tab of TensorBoard, wait until it shows some words and return all that it shows."""
    driver.get("about:blank")
    driver.get(f"{address}#{name}")
    shown, deadline = "", time.monotonic() + 90
    while time.monotonic() < deadline and not all(word in shown for word in words):
        time.sleep(0.5)
        shown = _run(driver, TEXT)
    time.sleep(2)  # pictures and curves come after their titles
    pictures = os.environ.get("APP_SCREENSHOTS")
    if pictures:
        driver.save_screenshot(str(Path(pictures) / f"{name}.png"))
    missing = [word for word in words if word not in shown]
    assert not missing, f"{name} does not show {missing}: {shown[:2000]}"
    return str(shown)


def loaded_images(driver: webdriver.Chrome) -> int:
    """Return how many pictures are shown."""
    return int(_run(driver, IMAGES))


def drawn_charts(driver: webdriver.Chrome) -> int:
    """Return how many curves are drawn."""
    return int(_run(driver, CHARTS))


def _run(driver: webdriver.Chrome, script: str) -> Any:
    return driver.execute_script(script)
