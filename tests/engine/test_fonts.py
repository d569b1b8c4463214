"""Names in any script: an installed font that has their characters, else numbers with a legend."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder  # type: ignore[import-untyped]
from fontTools.pens.ttGlyphPen import TTGlyphPen  # type: ignore[import-untyped]
from matplotlib import font_manager

from engine import fonts
from engine.dashboard.pictures import images, pixels

# For private use, and the last ones there are: no font of any machine has them.
CAT, DOG = "\U0010fff1", "\U0010fff2"


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Leave matplotlib's fonts as they were."""
    family, installed = list(mpl.rcParams["font.family"]), list(font_manager.fontManager.ttflist)
    yield
    mpl.rcParams["font.family"], font_manager.fontManager.ttflist = family, installed


def install(path: Path, letters: str) -> None:
    """Install a font that draws some letters as full squares."""
    pen = TTGlyphPen(None)
    for place, point in enumerate([(0, 0), (0, 800), (800, 800), (800, 0)]):
        (pen.moveTo if place == 0 else pen.lineTo)(point)
    pen.closePath()
    names = [".notdef", *(f"u{ord(letter):X}" for letter in letters)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(letter): name for letter, name in zip(letters, names[1:], strict=True)})
    builder.setupGlyf(dict.fromkeys(names, pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (900, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Squares", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    font_manager.fontManager.addfont(path)


def caption_ink(name: str) -> int:
    """Return how many pixels are black in a figure whose only caption is a name."""
    white = np.full((1, 1, 8, 8), 255, np.uint8)
    return int((pixels(images(white, [name], "")) < 100).all(-1).sum())


def test_a_font_that_has_the_characters_draws_them(folder: Path) -> None:
    install(folder / "squares.ttf", CAT)
    assert fonts.drawable([CAT, "dog"]) == ([CAT, "dog"], "")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert caption_ink(CAT) > 30  # a square of 6 x 6 pixels


def test_without_a_font_numbers_stand_for_the_names_and_one_line_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    names, legend = fonts.drawable(["cat", DOG, "bird", DOG * 2])
    assert names[::2] == ["cat", "bird"]
    assert all(name.startswith("#") for name in names[1::2])
    assert names[1] != names[3]
    assert f"* {names[1]}: {DOG}" in legend
    assert fonts.drawable([DOG])[0] == [names[1]]  # the same number everywhere
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_character_that_is_missing_all_the_same_is_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        caption_ink(DOG * 3)
