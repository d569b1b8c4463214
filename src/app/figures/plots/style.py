"""Common style of the figures: size, colours, axes and legend."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

Array = NDArray[Any]

# Okabe and Ito 2008, "Color Universal Design": told apart with any colour vision. Blue is what the network says,
# orange what is true, grey the data.
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#7F7F7F"
COLOURS = (BLUE, "#E69F00", "#009E73", "#CC79A7", "#56B4E9", ORANGE, "#F0E442", "#000000")


def axes(title: str, x: str, y: str, size: tuple[float, float] = (5.6, 4.0), right: float = 0.2) -> tuple[Figure, Axes]:
    """Return a figure of one plot with its labels, at 100 pixels an inch: TensorBoard shows it without scaling.

    Figures are made without pyplot, which would keep every one of them.

    Args:
        title: Of the figure.
        x: Label of the axis.
        y: Label of the axis.
        size: Width and height in inches.
        right: Inches right of the plot, with room for a legend.
    """
    figure = Figure(figsize=size, dpi=100)
    FigureCanvasAgg(figure)
    width, height = size
    # Margins in inches; a layout engine would double the time of a figure.
    figure.suptitle(title, fontsize=11, y=1 - 0.12 / height, va="top")
    plot = figure.add_axes((0.75 / width, 0.6 / height, 1 - (0.75 + right) / width, 1 - 1.2 / height))
    label(plot, x, y)
    return figure, plot


def grid(title: str, count: int) -> tuple[Figure, list[Axes]]:
    """Return a figure of several small plots without labels, three in a row, at 100 pixels an inch."""
    columns, rows = min(count, 3), -(-count // 3)
    width, height = max(3.0 * columns, 5.6) + 0.2, 2.9 * rows + 0.7
    figure = Figure(figsize=(width, height), dpi=100)
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=11, y=1 - 0.12 / height, va="top")
    step = (width - 0.2) / columns
    places = [(0.65 + step * (each % 3), height - 0.95 - 2.9 * (each // 3) - 1.85) for each in range(count)]
    return figure, [
        figure.add_axes((left / width, low / height, (step - 0.75) / width, 1.85 / height)) for left, low in places
    ]


def legend_of_grid(figure: Figure) -> None:
    """Add the legend of the first plot of a grid, for all of them, below the title."""
    handles, names = figure.axes[0].get_legend_handles_labels()
    place = (0.5, 1 - 0.33 / figure.get_figheight())
    figure.legend(handles, names, loc="upper center", bbox_to_anchor=place, ncols=5, frameon=False, fontsize=8.5)


def label(plot: Axes, x: str, y: str) -> None:
    """Label the axes of a plot, with few enough ticks that their numbers never touch."""
    plot.set_xlabel(x)
    plot.set_ylabel(y)
    plot.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    plot.ticklabel_format(axis="both", scilimits=(-3, 4))
    plot.spines[["top", "right"]].set_visible(False)
    plot.grid(alpha=0.25)
    plot.set_axisbelow(True)


def legend_above(plot: Axes) -> None:
    """Add a legend in a row between title and plot, where no line crosses it."""
    plot.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=4,
        frameon=False,
        fontsize=8.5,
        borderaxespad=0.1,
        columnspacing=1.4,
        handlelength=1.5,
    )


def legend_beside(plot: Axes, title: str) -> None:
    """Add a legend of many lines right of the plot, if there are lines."""
    if not plot.get_legend_handles_labels()[0]:
        return
    plot.legend(
        loc="upper left",
        bbox_to_anchor=(1.02, 1),
        frameon=False,
        fontsize=7.5,
        title=title,
        title_fontsize=8,
        borderaxespad=0,
        handlelength=1.5,
        labelspacing=0.25,
    )


def shorten(name: str, length: int = 12) -> str:
    """Return a name cut to fit beside an axis; its end stays, for that is what tells numbered names apart."""
    return name if len(name) <= length else f"{name[: length - 4]}…{name[-3:]}"
