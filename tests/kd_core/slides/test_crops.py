import numpy as np
import pytest

from kd_core.data.images import prepare_image
from kd_core.data.smear.crops import CROP_PX
from kd_core.errors import DataError
from kd_core.export import FileContract
from kd_core.slides.cells import Cell, find_cells
from kd_core.slides.crops import (
    SAMPLE_WINDOW,
    CropWindow,
    crop_cells,
    cut_cells,
    measure_window,
    window_for,
)
from tests.helpers_data import tiny_data

IMAGE = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
CONTRACT = FileContract(classes=("a", "b"), mean=(0.5,) * 3, std=(0.2,) * 3, size=40, channels=3)


def cell(x=100, y=80, radius=10, mask=None):
    x0, y0 = x - radius, y - radius
    return Cell(x0, y0, x + radius, y + radius, x, y, radius, mask=mask)


def test_a_crop_of_the_sample_is_its_window_halved():
    window = CropWindow(side_px=80)
    (crop,) = crop_cells(IMAGE, [cell()], CONTRACT, window)
    assert (crop == prepare_image(IMAGE[40:120, 60:140], 40, 3)).all()
    assert SAMPLE_WINDOW.side_px == 2 * CROP_PX == 80


def test_beyond_the_edge_lies_background():
    image = np.full((100, 100, 3), (220, 210, 230), np.uint8)
    image[:30, :30] = (200, 100, 150)
    (piece,) = cut_cells(image, [cell(5, 5)], CropWindow(side_px=40))
    assert piece.shape == (40, 40, 3)
    assert (piece[:15] == (220, 210, 230)).all()
    assert (piece[15:, 15:] == image[:25, :25]).all()


def test_a_window_follows_the_size_of_the_cells():
    assert CropWindow(ratio=1.5).side([cell(radius=10), cell(radius=10)]) == 30
    assert CropWindow(side_px=80).side([cell(radius=99)]) == 80


def test_a_masked_crop_is_the_cell_s_box_with_all_else_black():
    mask = np.zeros((20, 20), bool)
    mask[5:15, 5:15] = True
    (piece,) = cut_cells(IMAGE, [cell(mask=mask)], CropWindow(ratio=1, masked=True))
    assert (piece[5:15, 5:15] == IMAGE[75:85, 95:105]).all()
    assert piece[~mask].sum() == 0


def test_the_window_is_read_off_the_training_images():
    side, rng = 40, np.random.default_rng(0)
    y, x = np.mgrid[:side, :side] + 0.5
    crops = np.full((10, 3, side, side), 220, np.uint8)
    crops[:, 1, (x - 20) ** 2 + (y - 20) ** 2 < 10**2] = 120
    crops -= rng.integers(0, 9, crops.shape, dtype=np.uint8)
    window = measure_window(crops)
    assert not window.masked
    assert window.ratio == pytest.approx(2, abs=0.12)
    crops[:, :, (x - 20) ** 2 + (y - 20) ** 2 > 18**2] = 0
    assert measure_window(crops).masked


def test_the_sample_s_own_crops_show_the_sample_s_own_window():
    from kd_core.data.sources.sample import SAMPLE_FILE

    with np.load(SAMPLE_FILE) as file:
        images = file["images"][:600].transpose(0, 3, 1, 2)
    assert measure_window(images).ratio == pytest.approx(SAMPLE_WINDOW.ratio, abs=0.12)


def test_images_without_a_cell_have_no_window():
    with pytest.raises(DataError, match="crops_no_cells"):
        measure_window(np.full((8, 3, 20, 20), 90, np.uint8), "films")


def test_the_window_of_a_data_set():
    data = tiny_data()
    object.__setattr__(data, "name", "sample")
    assert window_for(data, embedded_field=True) == SAMPLE_WINDOW
    assert window_for(data).side_px is None


def test_a_window_at_another_magnification_shows_the_same(embedded):
    image, _ = embedded
    window = CropWindow(ratio=1.55)
    half = image[::2, ::2]
    fine, coarse = (window.side(find_cells(one)) for one in (image, half))
    assert coarse == pytest.approx(fine / 2, rel=0.08)


def test_no_cells_give_no_crops():
    assert crop_cells(IMAGE, [], CONTRACT).shape == (0, 3, 40, 40)
