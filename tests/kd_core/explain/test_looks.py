import numpy as np

from kd_core.explain.looks import COLOUR, GREY, looks, names, readable, shape_findings

RNG = np.random.default_rng(0)


def value(image, name):
    column = names(image.shape[0]).index(name)
    return readable(name, looks(image[None])[0, column])


def test_each_figure_against_a_plain_computation():
    image = RNG.integers(0, 256, (3, 12, 12), dtype=np.uint8)
    grey = image.mean(0)
    assert np.isclose(value(image, "green"), image[1].mean())
    assert np.isclose(value(image, "contrast"), grey.std())
    assert np.isclose(value(image, "red_green"), (image[0].astype(float) - image[1]).std())
    steps = np.abs(np.diff(grey, axis=0)).mean(), np.abs(np.diff(grey, axis=1)).mean()
    assert np.isclose(value(image, "detail"), np.mean(steps))


def test_a_column_for_each_name():
    for channels, expected in ((1, GREY), (3, COLOUR)):
        assert names(channels) == expected
        images = np.zeros((2, channels, 4, 4), np.uint8)
        assert looks(images).shape == (2, len(expected))


def test_what_the_names_say():
    flat = np.full((3, 16, 16), 90, np.uint8)
    noisy = RNG.integers(0, 181, (3, 16, 16), dtype=np.uint8)
    assert value(flat, "detail") == value(flat, "contrast") == value(flat, "red_green") == 0
    assert value(noisy, "detail") > 20
    assert value(np.repeat(noisy[:1], 3, axis=0), "green_blue") == 0


def ids(*arguments):
    return [found.id for found in shape_findings(*arguments)]


def test_sizes_and_shapes():
    usual = [(120, 130), (140, 120), (160, 150)]
    assert ids(130, 130, usual) == []
    assert ids(1600, 1200, usual) == ["familiar.size.large"]
    assert ids(20, 22, usual) == ["familiar.size.small"]
    assert ids(300, 100, usual) == ["familiar.aspect"]
    assert ids(3000, 100, []) == []
