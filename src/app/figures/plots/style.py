"""What all figures share: size, colours and axes."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

Array = NDArray[Any]

# Okabe and Ito 2008, "Color Universal Design": told apart with any colour vision. Blue is what the network says,
# orange what is true, grey the data.
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#7F7F7F"
COLOURS = (BLUE, "#E69F00", "#009E73", "#CC79A7", "#56B4E9", ORANGE, "#F0E442", "#000000")


def axes(title: str, x: str, y: str, size: tuple[float, float] = (5.6, 4.0)) -> tuple[Figure, Axes]:
    """Return a figure of one plot with its labels, at 100 pixels an inch: TensorBoard shows it without scaling.

    Figures are made without pyplot, which would keep every one of them.
    """
    figure = Figure(figsize=size, dpi=100)
    FigureCanvasAgg(figure)
    width, height = size
    # Margins in inches; a layout engine would double the time of a figure.
    plot = figure.add_axes((0.75 / width, 0.6 / height, 1 - 0.95 / width, 1 - 1.05 / height))
    plot.set_title(title, fontsize=11, y=1.0)  # else its place is searched for, past ticks and labels
    plot.set_xlabel(x)
    plot.set_ylabel(y)
    plot.spines[["top", "right"]].set_visible(False)
    plot.grid(alpha=0.25)
    plot.set_axisbelow(True)
    return figure, plot


def shorten(name: str, length: int = 12) -> str:
    """Return a name cut to fit beside an axis."""
    return name if len(name) <= length else name[: length - 1] + "…"
