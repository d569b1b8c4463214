"""Tells what a library refuses to do with a user's settings and files from a bug."""

import sysconfig
import traceback
from pathlib import Path

from engine import capacity

APP = str(Path(__file__).parent)
LIBRARIES = tuple(sysconfig.get_paths()[name] for name in ("purelib", "platlib", "stdlib", "platstdlib"))


def reason(error: Exception) -> str | None:
    """Return in a line what was refused and why; None for a bug, whose traceback is worth more.

    It is a refusal if there is no memory for what was asked, or if this project handed settings or data to a library
    and the library raised. What this project raises itself, or the user's own code below a library, is a bug.
    """
    text = " ".join(str(error).split()) or type(error).__name__
    if capacity.exceeded(error):
        return f"not enough memory: {text}"
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    own = [file for file in files if file.startswith(APP) or not file.startswith((*LIBRARIES, "<"))]
    if files[-1] == own[-1] or not own[-1].startswith(APP):
        return None
    return f"{type(error).__name__}: {text} (APP_DEBUG=1 shows where)"
