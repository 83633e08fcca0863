import hashlib

import numpy as np
import pytest
from PIL import Image

from kd_core.data.originals import ArrayImages, FileImages
from kd_core.errors import DataError

GREY = np.arange(60, dtype=np.uint8).reshape(6, 10)


def test_files_are_hashed_as_they_are(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.png")
    images = FileImages(tmp_path, ("b.png", "a.png"))
    digest, raw = images.open(1)
    assert digest == hashlib.sha256((tmp_path / "a.png").read_bytes()).hexdigest()
    assert (raw.values[..., 0] == GREY).all()
    assert images.take([1]).files == ("a.png",)
    with pytest.raises(DataError, match="image_missing"):
        images.open(0)


def test_the_hash_of_an_array_covers_values_shape_and_type():
    array = np.stack([GREY, GREY + 1, GREY])[..., None]
    images = ArrayImages(array, (0, 1, 2))
    first, second, third = (images.open(i)[0] for i in range(3))
    assert first == third != second
    for other in (array.reshape(3, 10, 6, 1), array.astype(np.uint16)):
        assert ArrayImages(other, (0,)).open(0)[0] != first
    assert ArrayImages(array.astype(np.uint16), (0,)).open(0)[1].windowed
    assert images.take([2, 1]).rows == (2, 1)
