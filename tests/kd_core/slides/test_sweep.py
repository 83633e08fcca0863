import numpy as np
import pytest

from kd_core.data.uploads import Limits
from kd_core.errors import JobError
from kd_core.slides.cells import find_cells
from kd_core.slides.read_tiff import open_tiff
from kd_core.slides.slide import ArraySlide
from kd_core.slides.sweep import sweep


def test_every_cell_is_found_once(drawn):
    image, middles = drawn(520, 400, radius=12, gap=40)
    found = [
        cell for block in sweep(ArraySlide(image), side=250, margin=40) for cell in block.in_slide()
    ]
    places = np.array([(cell.x, cell.y) for cell in found])
    assert len(found) == len(middles) == len(find_cells(image))
    assert np.linalg.norm(places[None] - middles[:, None], axis=2).min(1).max() < 1


def test_a_large_slide_block_by_block(tiled, drawn):
    image, middles = drawn(640, 480, radius=12, gap=44)
    image[:, 340:] = 235  # the right half is empty glass
    slide = open_tiff(tiled(image, tile=64, levels=2), "x", None, Limits(pixels=1000))
    read, plain = [], slide.region

    def region(x, y, width, height, level=0):
        read.append((width, height, level))
        return plain(x, y, width, height, level)

    slide.region = region
    blocks = list(sweep(slide, side=160, margin=40))
    assert sum(len(block.cells) for block in blocks) == sum(x < 340 for x, _ in middles)
    assert len(blocks) < 12  # the empty half was not read
    fine = [(width, height) for width, height, level in read if level == 0]
    assert max(max(size) for size in fine[-len(blocks) :]) <= 240


def test_some_blocks_and_stopping(drawn):
    slide = ArraySlide(drawn(500, 300)[0])
    assert len(list(sweep(slide, most=3, side=150, margin=30))) == 3
    with pytest.raises(JobError, match="explain_stopped"):
        list(sweep(slide, side=150, margin=30, tick=lambda done, total: False))
