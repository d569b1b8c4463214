"""Fonts for names in figures: matplotlib's own has no Chinese characters."""

from functools import cache

import matplotlib as mpl
from matplotlib import font_manager

from engine import console

# Fonts with Chinese characters as systems install them; other fonts are tried after these.
PREFERRED = (
    *("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "Microsoft YaHei", "SimHei"),
    *("PingFang SC", "Hiragino Sans GB", "Heiti SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Arial Unicode MS"),
)


_numbers: dict[str, str] = {}


def drawable(names: list[str]) -> tuple[list[str], str]:
    """Return names that figures can show, and a legend in Markdown if some are replaced.

    A font that has the characters is added to matplotlib's default; without one, "#1" stands for the first name that
    can't be drawn, and a line says so once.
    """
    missing = "".join(sorted(set("".join(names)) - _drawable()))
    if not missing or _add_font(missing):
        return names, ""
    shown = [_numbers.setdefault(name, f"#{len(_numbers) + 1}") if set(name) & set(missing) else name for name in names]
    return shown, "\n".join(f"* {number}: {name}" for name, number in _numbers.items())


@cache
def _drawable() -> set[str]:
    """Return the characters of matplotlib's default font."""
    return _characters(font_manager.findfont(font_manager.FontProperties()))


@cache
def _add_font(missing: str) -> bool:
    """Add an installed font with these characters behind the default; warn once if there is none."""
    fonts = [font for font in font_manager.fontManager.ttflist if "Last Resort" not in font.name]  # boxes for all
    fonts.sort(key=lambda font: PREFERRED.index(font.name) if font.name in PREFERRED else len(PREFERRED))
    for name, path in dict.fromkeys((font.name, font.fname) for font in fonts):
        if set(missing) <= _characters(path):
            # A font further back in the list draws what those before it don't have.
            mpl.rcParams["font.family"] = [*mpl.rcParams["font.family"], name]
            return True
    console.say(f"no installed font has {missing[:10]}: figures number such names; Noto Sans CJK has Chinese ones")
    return False


@cache
def _characters(path: str) -> set[str]:
    try:
        return {chr(code) for code in font_manager.get_font(path).get_charmap()}
    except (OSError, RuntimeError):  # a file that is not what the list of fonts says
        return set()
