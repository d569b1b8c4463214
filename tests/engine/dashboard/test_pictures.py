"""Pictures whose grey means what it says."""

import numpy as np
import pytest

from engine.dashboard.pictures import feature_maps, images, pixels, wrapped

DRAW = np.random.default_rng(0)


def shown(pictures: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]") -> tuple[list[float], str]:
    """Return the levels of the first picture as fractions from black to white, and the title."""
    figure = images(pictures, [""] * len(pictures), "Batch")
    image = figure.axes[0].images[0]
    title = figure.get_suptitle()
    low, high = image.get_clim()
    return [float((value - low) / (high - low)) for value in np.asarray(image.get_array()).flatten()], title


def test_grey_levels_of_bytes_are_fractions_of_255_however_few_of_them_occur() -> None:
    levels, title = shown(np.array([100, 109], np.uint8).reshape(1, 1, 1, 2))
    assert levels == pytest.approx([100 / 255, 109 / 255])
    assert title == "Batch"


def test_floats_in_the_unit_range_are_levels_themselves() -> None:
    levels, title = shown(np.array([0.25, 0.5], np.float32).reshape(1, 1, 1, 2))
    assert levels == pytest.approx([0.25, 0.5])
    assert title == "Batch"


def test_all_normalized_pictures_share_one_scale_and_the_title_names_it() -> None:
    levels, title = shown(np.array([[-1, 0], [2, 3]], np.float32).reshape(2, 1, 1, 2))
    assert levels == pytest.approx([0, 0.25])
    assert title == "Batch\nblack is -1, white 3"


def test_colours_of_normalized_pictures_are_not_cut() -> None:
    pictures = DRAW.normal(size=(2, 3, 4, 4)).astype(np.float32)
    image = np.asarray(images(pictures, ["", ""], "Batch").axes[0].images[0].get_array())
    span = pictures.max() - pictures.min()
    assert np.allclose(image, np.moveaxis((pictures[0] - pictures.min()) / span, 0, -1), atol=1e-6)


def test_a_drawn_pixel_has_the_grey_of_its_byte() -> None:
    drawn = pixels(images(np.full((1, 1, 8, 8), 100, np.uint8), [""], "Batch"))
    assert (drawn == 100).all(-1).sum() > 5000  # a square of 100 x 100 pixels


def test_captions_stand_above_their_pictures_in_lines_that_fit() -> None:
    figure = images(DRAW.integers(0, 255, (5, 3, 8, 8), dtype=np.uint8), list("abcde"), "Batch", columns=3)
    [plot] = figure.axes
    assert [text.get_text() for text in plot.texts] == list("abcde")
    places = [image.get_extent()[::2] for image in plot.images]
    assert len({left for left, _ in places}) == 3  # columns
    assert len({round(bottom, 6) for _, bottom in places}) == 2  # rows
    assert pixels(figure).std() > 5
    assert wrapped("automobile predicted as airplane, 100 %") == "automobile\npredicted as\nairplane, 100 %"
    assert max(map(len, wrapped("很" * 30).splitlines())) == 9


def test_no_captions_of_neighbours_overlap() -> None:
    captions = ["automobile predicted as automobile, 100 %"] * 12
    figure = images(DRAW.integers(0, 255, (12, 3, 8, 8), dtype=np.uint8), captions, "Batch")
    figure.canvas.draw()
    [plot] = figure.axes
    boxes = [text.get_window_extent() for text in plot.texts]
    assert not any(a.overlaps(b) for number, a in enumerate(boxes) for b in boxes[number + 1 :])
    tops = [image.get_window_extent() for image in plot.images]
    assert not any(box.overlaps(image) for box in boxes for image in tops)


def test_feature_maps_are_a_row_a_layer() -> None:
    maps = {"conv1": DRAW.normal(size=(16, 8, 8)), "conv2": DRAW.normal(size=(2, 4, 4))}
    figure = feature_maps(DRAW.random((1, 8, 8)), maps, "Feature maps", channels=4)
    [plot] = figure.axes
    assert [text.get_text() for text in plot.texts] == [
        *("input", "conv1 #0", "#1", "#2", "#3"),
        *("conv2 #0", "#1"),
    ]
    assert plot.images[0].get_clim() == (0, 1)
    assert plot.images[1].get_clim() == (maps["conv1"][0].min(), maps["conv1"][0].max())
