from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kd_core.slides.cells import Cell, find_cells, read_field, segment
from kd_core.slides.truth import match, read_truth

FIELDS = Path(__file__).parents[3] / "sample_data" / "fields"


def test_drawn_cells_are_found_where_they_are(field):
    image, middles = field
    found = read_field(image)
    places = np.array([(cell.x, cell.y) for cell in found.cells])
    nearest = np.linalg.norm(places[None] - middles[:, None], axis=2).min(1)
    assert found.problem is None
    assert len(found.cells) == len(middles)
    assert nearest.max() < 1
    assert found.radius == pytest.approx(14, abs=1.5)
    assert not any(cell.cut for cell in found.cells)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_the_embedded_fields(number):
    image = np.asarray(Image.open(FIELDS / f"field_{number}.jpg"))
    known = read_truth((FIELDS / f"field_{number}.json").read_text())
    matched = match(find_cells(image), known)
    assert matched.recall >= 0.95
    assert matched.precision >= 0.95


def test_cells_that_touch_are_told_apart():
    image = np.full((300, 400, 3), (225, 220, 230), np.uint8)
    y, x = np.mgrid[:300, :400]
    for u, v in [(80 + 60 * i, 90 + 80 * j) for i in range(5) for j in range(2)]:
        for shift in (-14, 14):  # two discs of radius 16 overlap by 4 pixels
            image[(x - u - shift) ** 2 + (y - v) ** 2 < 16**2] = (200, 120, 150)
    assert len(find_cells(image)) == 20


def test_pale_middles_dirt_and_shading(drawn):
    image, middles = drawn(radius=16)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    for u, v in middles:
        image[(x - u) ** 2 + (y - v) ** 2 < 6**2] = (222, 216, 226)
    image[20:25, 20:25] = (120, 80, 150)  # a speck of stain
    shade = np.linspace(1.0, 0.75, image.shape[1])[None, :, None]
    found = read_field((image * shade).astype(np.uint8))
    assert found.problem is None
    assert len(found.cells) == len(middles)


def test_cells_at_the_edge_are_marked(drawn):
    image, _ = drawn(gap=50)
    found = find_cells(image[50:])  # cuts the first row in half
    assert sum(cell.cut for cell in found) == sum(cell.y0 == 0 for cell in found) > 3


def test_a_finer_picture_has_the_same_cells_at_its_own_scale(field):
    image, middles = field
    large = image.repeat(3, axis=0).repeat(3, axis=1)  # 1200 × 900
    found = find_cells(large)
    places = np.array([(cell.x, cell.y) for cell in found])
    assert len(found) == len(middles)
    assert segment(large[..., 1])[1] > 1
    assert np.linalg.norm(places[None] - middles[:, None] * 3, axis=2).min(1).max() < 6
    assert all(cell.mask.shape == (cell.y1 - cell.y0, cell.x1 - cell.x0) for cell in found)


def grey(image):
    return image.mean(2, keepdims=True).astype(np.uint8).repeat(3, axis=2)


def test_what_is_no_field(field, drawn):
    image, _ = field
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (200, 200, 3), dtype=np.uint8)
    y, x = np.mgrid[:300, :300]
    rods = np.where(((x // 9 + y // 60) % 3 == 0)[..., None], (200, 120, 150), (225, 220, 230))
    masked = np.where(((x - 75) ** 2 + (y - 75) ** 2 < 60**2)[..., None], 150, 0)[:150, :150]
    masked = (masked + rng.integers(0, 5, masked.shape) * [9, 1, 2]).astype(np.uint8)
    masked[masked.max(2) < 60] = 0
    pictures = {
        "cells.problem.grey": [grey(image), image[..., :1]],
        "cells.problem.few": [np.full((90, 90, 3), (220, 219, 218), np.uint8), image[:70, :70]],
        "cells.problem.large": [drawn(200, 200, 30, 66)[0]],
        "cells.problem.small": [drawn(400, 300, 4, 16)[0]],
        "cells.problem.background": [noise, (image * 0.3).astype(np.uint8)],
        "cells.problem.cut_out": [masked],
    }
    for wanted, some in pictures.items():
        for picture in some:
            problem = read_field(picture).problem
            assert problem is not None, wanted
            assert problem.id == wanted
    assert read_field(rods.astype(np.uint8)).problem is not None


def test_an_outline_goes_around_its_cell():
    mask = np.zeros((20, 20), bool)
    y, x = np.mgrid[:20, :20] + 0.5
    mask[(x - 10) ** 2 + (y - 10) ** 2 < 81] = True
    outline = np.array(Cell(100, 200, 120, 220, 110, 210, 9, mask=mask).outline())
    assert (outline[0] == outline[-1]).all()
    assert np.abs(np.linalg.norm(outline - (110, 210), axis=1) - 9).max() < 1
    assert len(Cell(0, 0, 4, 4, 2, 2, 2).outline()) == 5


def test_a_moved_cell():
    cell = Cell(1, 2, 5, 6, 3, 4, 2).moved(10, 20)
    assert (cell.x0, cell.y0, cell.x1, cell.y1, cell.x, cell.y) == (11, 22, 15, 26, 13, 24)
