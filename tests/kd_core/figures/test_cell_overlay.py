import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kd_core.figures.cell_overlay import (
    LONGEST_PX,
    MOST_MARKS,
    Mark,
    cell_overlay_figure,
    cell_overlay_info,
)
from kd_core.text import load_catalogue
from tests.helpers_code import ROOT

say = load_catalogue(Path(ROOT) / "app" / "locale").render
PICTURE = np.full((60, 80, 3), 200, np.uint8)


def mark(number: int, label: int, agree: bool = True, sure: float = 0.9) -> Mark:
    x = 10.0 * number
    outline = ((x, 0.0), (x + 8, 0.0), (x + 8, 8.0), (x, 0.0))
    return Mark(number, outline, label, agree, sure, (("teacher", "ring"),))


def test_disagreement_is_dashed_and_the_class_decides_the_colour() -> None:
    info = cell_overlay_info(
        80, 60, ["healthy", "ring"], [mark(0, 0), mark(1, 1), mark(2, 1, False)]
    )
    figure = cell_overlay_figure(info, PICTURE, say)
    healthy, ring, differ, dots = figure.data
    assert (healthy.line.dash, ring.line.dash) == ("solid", "solid")
    assert differ.line.dash != "solid"
    assert ring.line.color == differ.line.color != healthy.line.color
    assert list(dots.customdata) == [0, 1, 2]
    assert list(dots.x) == [4, 14, 24]
    assert "teacher: ring" in dots.text[0]
    assert figure == cell_overlay_figure(info, PICTURE, say)


def test_pixels_of_the_picture_are_the_axes() -> None:
    figure = cell_overlay_figure(cell_overlay_info(800, 600, ["a"], []), PICTURE, say)
    assert list(figure.layout.xaxis.range) == [0, 800]
    assert list(figure.layout.yaxis.range) == [600, 0]  # down, as in an image
    assert (figure.layout.images[0].sizex, figure.layout.images[0].sizey) == (800, 600)


@pytest.mark.parametrize("shape", [(10, 3000, 3), (3000, 10, 1)])
def test_a_large_picture_is_shrunk_and_has_no_metadata(shape) -> None:
    info = cell_overlay_info(shape[1], shape[0], ["a"], [])
    figure = cell_overlay_figure(info, np.zeros(shape, np.uint8), say)
    content = base64.b64decode(figure.layout.images[0].source.partition(",")[2])
    with Image.open(io.BytesIO(content)) as sent:
        assert max(sent.size) == LONGEST_PX
        assert not sent.getexif()


def test_of_too_many_marks_those_that_matter_stay() -> None:
    many = [mark(i, 0, sure=0.99) for i in range(MOST_MARKS + 10)]
    many[-1] = mark(MOST_MARKS + 9, 0, agree=False)
    many[-2] = mark(MOST_MARKS + 8, 0, sure=0.2)
    info = cell_overlay_info(80, 60, ["a"], many)
    assert info.left_out == 10
    numbers = [one.number for one in info.marks]
    assert {MOST_MARKS + 9, MOST_MARKS + 8} <= set(numbers)
    assert numbers == sorted(numbers)
