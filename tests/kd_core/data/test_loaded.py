import numpy as np

from kd_core.data.loaded import PARTS
from tests.helpers_data import tiny_data


def test_channels_follow_the_statistics():
    assert tiny_data(channels=1).channels == 1
    assert tiny_data(channels=3).channels == 3


def test_parts_know_their_length():
    data = tiny_data("multilabel", n=12)
    assert {name: len(part) for name, part in data.parts.items()} == dict(
        zip(PARTS, (12, 6, 6), strict=True)
    )
    assert np.isnan(data.parts["train"].targets).any()
