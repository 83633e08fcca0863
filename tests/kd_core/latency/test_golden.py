import io

import numpy as np
from PIL import Image

from kd_core.latency.golden import drawn, golden_images, golden_pixels


def test_raw_images_are_of_every_kind_that_goes_wrong():
    opened = {name: Image.open(io.BytesIO(data)) for name, data in golden_images().items()}
    assert {image.mode for image in opened.values()} >= {"RGB", "L", "RGBA", "P", "I;16"}
    assert {image.format for image in opened.values()} == {"PNG", "JPEG", "TIFF"}
    assert opened["on_its_side.jpg"].getexif()[0x0112] == 6
    assert any(side % 2 for image in opened.values() for side in image.size)
    assert np.asarray(opened["deep.png"]).max() > 255


def test_one_without_many_bits_can_be_left_out():
    assert set(golden_images()) - set(golden_images(deep=False)) == {"deep.png"}


def test_the_same_every_time_and_different_from_each_other():
    assert golden_images() == golden_images()
    pixels = golden_pixels(3, 16, 1)
    assert pixels.shape == (3, 1, 16, 16)
    assert np.array_equal(pixels, golden_pixels(3, 16, 1))
    assert not np.array_equal(pixels[0], pixels[1])
    assert drawn(20, 30).std() > 20  # not flat: another resize would not show on a flat image
