import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kd_core.figures.cell_overlay import (
    LONGEST_PX,
    MOST_SHAPES,
    cell_overlay_figure,
    cell_overlay_info,
)
from kd_core.slides.overlay import Overlay, Shape
from kd_core.text import load_catalogue
from tests.helpers_code import ROOT

say = load_catalogue(Path(ROOT) / "app" / "locale").render
PICTURE = np.full((60, 80, 3), 200, np.uint8)


def shape(index: int, colour: int, dashed: bool = False, sure: float = 0.9) -> Shape:
    x = 10.0 * index
    points = ((x, 0.0), (x + 8, 0.0), (x + 8, 8.0), (x, 0.0))
    return Shape(index, points, (x, 0, x + 8, 8), {"t": "ring"}, {"t": sure}, colour, dashed)


def over(width: int, height: int, *shapes: Shape) -> Overlay:
    return Overlay(width, height, ("healthy", "ring"), "t", shapes)


def test_disagreement_is_dashed_and_the_class_decides_the_colour() -> None:
    info = cell_overlay_info(over(80, 60, shape(0, 0), shape(1, 1), shape(2, 1, True)))
    figure = cell_overlay_figure(info, PICTURE, say)
    healthy, ring, differ, dots = figure.data
    assert (healthy.line.dash, ring.line.dash) == ("solid", "solid")
    assert differ.line.dash != "solid"
    assert ring.line.color == differ.line.color != healthy.line.color
    assert list(dots.customdata) == [0, 1, 2]
    assert list(dots.x) == [4, 14, 24]
    assert "t: ring (90.0 %)" in dots.text[0]
    assert figure == cell_overlay_figure(info, PICTURE, say)


def test_a_piece_without_any_label_is_drawn_too() -> None:
    figure = cell_overlay_figure(cell_overlay_info(over(80, 60, shape(0, -1))), PICTURE, say)
    assert "none" in figure.data[0].name


def test_pixels_of_the_picture_are_the_axes() -> None:
    figure = cell_overlay_figure(cell_overlay_info(over(800, 600)), PICTURE, say)
    assert list(figure.layout.xaxis.range) == [0, 800]
    assert list(figure.layout.yaxis.range) == [600, 0]  # down, as in an image
    assert (figure.layout.images[0].sizex, figure.layout.images[0].sizey) == (800, 600)


@pytest.mark.parametrize("size", [(10, 3000, 3), (3000, 10, 1)])
def test_a_large_picture_is_shrunk_and_has_no_metadata(size) -> None:
    info = cell_overlay_info(over(size[1], size[0]))
    figure = cell_overlay_figure(info, np.zeros(size, np.uint8), say)
    content = base64.b64decode(figure.layout.images[0].source.partition(",")[2])
    with Image.open(io.BytesIO(content)) as sent:
        assert max(sent.size) == LONGEST_PX
        assert not sent.getexif()


def test_of_too_many_shapes_those_that_matter_stay() -> None:
    many = [shape(i, 0, sure=0.99) for i in range(MOST_SHAPES + 10)]
    many[-1] = shape(MOST_SHAPES + 9, 0, dashed=True)
    many[-2] = shape(MOST_SHAPES + 8, 0, sure=0.2)
    info = cell_overlay_info(over(80, 60, *many))
    assert info.left_out == 10
    numbers = [one.index for one in info.overlay.shapes]
    assert {MOST_SHAPES + 9, MOST_SHAPES + 8} <= set(numbers)
    assert numbers == sorted(numbers)
