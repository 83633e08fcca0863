import numpy as np
import pytest

from kd_core.data.doctor import Exam
from kd_core.data.doctor.grey import check_grey
from tests.kd_core.data.doctor.conftest import make_data, make_part, readable, smooth_images

GOOD = smooth_images(40, 32)


def exam(images):
    return Exam(make_data({"train": make_part(images, np.zeros(len(images), int), "x")}))


def codes(images):
    return [(f.code, f.severity) for f in map(readable, check_grey(exam(images)))]


def test_ordinary_images():
    assert codes(GOOD) == [("grey_ok", "ok")]
    assert codes(np.repeat(GOOD, 3, axis=1)) == [("grey_ok", "ok")]


def test_a_black_background_is_ordinary():
    y, x = np.mgrid[:32, :32] - 15.5
    masked = np.where(x**2 + y**2 < 13**2, GOOD // 2 + 100, 0)  # a cell that was cut out
    assert codes(masked) == [("grey_ok", "ok")]


def test_a_film_with_two_levels_left():
    (finding,) = check_grey(exam((GOOD > 128) * 255))
    assert (readable(finding).code, finding.severity) == ("grey_collapsed", "alarm")
    assert finding.evidence["n"] == 40
    assert finding.evidence["names"][0] == "x0"


def test_two_levels_that_were_resized():
    """Most pixels stay at the ends, edges have levels between."""
    big = np.kron((smooth_images(20, 32) > 128) * 255, np.ones((4, 4)))
    soft = (big + np.roll(big, 1, 2) + np.roll(big, 1, 3)) / 3
    ends = np.isin(soft, (0, 255)).mean()
    assert 0.5 < ends < 1
    assert codes(np.where(np.random.default_rng(0).random(soft.shape) < 0.9, big, soft)) == [
        ("grey_collapsed", "alarm")
    ]


def test_some_empty_images():
    images = GOOD.copy()
    images[3:5] = 17
    (finding,) = check_grey(exam(images))
    assert (finding.code, finding.severity) == ("grey_collapsed", "warning")
    assert finding.evidence["names"] == ["x3", "x4"]


@pytest.mark.parametrize(("gain", "offset"), [(1.0, 150), (3.0, -250)])
def test_clipped_images(gain, offset):
    clipped = (GOOD.astype(float) * gain + offset).clip(0, 255)
    assert codes(clipped) == [("grey_clipped", "warning")]


def test_a_few_clipped_images_are_a_note():
    images = GOOD.astype(int)
    images[:2] += 180
    assert codes(images.clip(0, 255)) == [("grey_clipped", "note")]


def test_a_window_that_is_too_wide():
    (finding,) = check_grey(exam(GOOD // 16))  # 12 bits shown as 16
    assert (readable(finding).code, finding.severity) == ("grey_narrow", "warning")
    assert finding.evidence["high"] - finding.evidence["low"] < 16
