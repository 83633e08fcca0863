import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_windowing
from skimage.exposure import rescale_intensity

from kd_core.data.windows import WINDOW_PARAMS, Window, to_uint8
from kd_core.errors import ConfigError, DataError

VALUES = np.random.default_rng(0).integers(0, 4096, (20, 30))


def test_percentile_window_is_scikit_images():
    low, high = np.percentile(VALUES, (1, 99))
    expected = rescale_intensity(VALUES.astype(float), (low, high), (0, 255)).round()
    assert (to_uint8(VALUES, *Window().bounds(VALUES)) == expected).all()


def test_fixed_window_is_pydicoms():
    centre, width = 2000, 1000
    tags = Dataset()
    tags.WindowCenter, tags.WindowWidth = centre, width
    tags.PhotometricInterpretation, tags.BitsStored = "MONOCHROME2", 8
    tags.PixelRepresentation = 0
    tags.VOILUTFunction = "LINEAR_EXACT"
    window = Window(kind="fixed", low=centre - width / 2, high=centre + width / 2)
    mine = to_uint8(VALUES, *window.bounds(VALUES))
    assert np.abs(mine - apply_windowing(VALUES, tags)).max() <= 0.5  # pydicom does not round


def test_full_window_uses_all_levels():
    levels = to_uint8(VALUES, *Window(kind="full").bounds(VALUES))
    assert levels.min() == 0
    assert levels.max() == 255
    assert len(np.unique(levels)) > 200


def test_stored_window_needs_one():
    assert Window(kind="stored").bounds(VALUES, (10, 20)) == (10, 20)
    with pytest.raises(DataError, match="window_not_stored"):
        Window(kind="stored").bounds(VALUES)


def test_nan_and_an_empty_window_are_black():
    assert to_uint8(np.array([np.nan, 1.0]), 0, 1).tolist() == [0, 255]
    assert to_uint8(np.array([7, 7]), 7, 7).tolist() == [0, 0]
    assert Window().bounds(np.array([])) == (0, 0)


@pytest.mark.parametrize(
    "bad",
    [
        {"low": 99, "high": 1},
        {"low": -1, "high": 99},
        {"low": 1, "high": 101},
        {"kind": "fixed", "low": 5, "high": 5},
    ],
)
def test_bounds_in_the_wrong_order_are_refused(bad):
    with pytest.raises(ConfigError, match="window_order"):
        Window(**bad)


def test_options_give_the_window():
    options = {param.name: param.default for param in WINDOW_PARAMS}
    assert Window.from_options(options) == Window()
