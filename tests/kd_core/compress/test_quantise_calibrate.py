import numpy as np
import pytest

from kd_core.compress.quantise_calibrate import calibrate
from kd_core.compress.quantise_graph import prepare
from tests.helpers_onnx import small_file, small_shop


@pytest.fixture
def model_and_images(tmp_path):
    shop = small_shop(tmp_path)
    return prepare(small_file(tmp_path / "model.onnx", shop.data)), shop.images("train", 32)


def test_minmax_is_the_extremes(model_and_images):
    model, images = model_and_images
    ranges = calibrate(model, images)
    assert ranges["images"] == pytest.approx((float(images.min()), float(images.max())))
    assert ranges["r1"][0] == pytest.approx(0)
    assert set(ranges) >= {"images", "r1", "c2", "h", "s", "logits"}


def test_percentile_is_within_the_extremes(model_and_images):
    model, images = model_and_images
    images = images.copy()
    images[0, 0, 0, 0] = 1000.0  # one wild pixel
    widest, most = calibrate(model, images), calibrate(model, images, "percentile")
    assert widest["images"][1] == pytest.approx(1000)
    assert most["images"][1] < 900


def test_entropy_is_never_wider_than_the_extremes(model_and_images):
    model, images = model_and_images
    widest, least = calibrate(model, images), calibrate(model, images, "entropy")
    for name in ("images", "c2", "s"):
        assert max(map(abs, least[name])) <= max(map(abs, widest[name])) * 1.02


def test_symmetric_ranges_have_0_in_the_middle(model_and_images):
    model, images = model_and_images
    low, high = calibrate(model, images, symmetric=True)["images"]
    assert low == pytest.approx(-high)
    assert high == pytest.approx(float(np.abs(images).max()))


@pytest.mark.parametrize("method", ["percentile", "entropy"])
def test_nothing_is_printed(model_and_images, capsys, method):
    calibrate(*model_and_images, method)
    assert capsys.readouterr().out == ""
