import numpy as np
import pytest
from skimage.color import rgb_from_hed
from skimage.filters import gaussian

from kd_core.data import corruptions
from kd_core.data.corruptions import CORRUPTIONS, SEVERITIES, corrupt, fitting
from kd_core.errors import ConfigError

RNG = np.random.default_rng(0)
SMOOTH = np.kron(RNG.integers(40, 216, (6, 3, 8, 8)), np.ones((1, 1, 4, 4))).astype(np.uint8)
"""Six images of 32 px with patches, so that there is something to blur."""


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_each_severity_is_worse_than_the_last(name) -> None:
    far = [np.abs(corrupt(SMOOTH, name, s).astype(float) - SMOOTH).mean() for s in (0, *SEVERITIES)]
    assert far[0] == 0
    assert (np.diff(far) > 0).all()


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_an_image_is_spoilt_in_the_same_way_in_every_batch(name) -> None:
    index = np.array([4, 9, 2, 7, 1, 0])
    together = corrupt(SMOOTH, name, 3, index)
    for place in (0, 3):
        alone = corrupt(SMOOTH[[place]], name, 3, index[[place]])
        np.testing.assert_array_equal(alone[0], together[place])
    assert together.dtype == np.uint8
    assert together.shape == SMOOTH.shape


@pytest.mark.parametrize("name", fitting(1))
def test_grey_images_stay_grey(name) -> None:
    grey = SMOOTH[:, :1]
    assert corrupt(grey, name, 2).shape == grey.shape


def test_chunks_make_no_difference(monkeypatch) -> None:
    whole = corrupt(SMOOTH, "noise", 4)
    monkeypatch.setattr(corruptions, "CHUNK", 4)
    np.testing.assert_array_equal(corrupt(SMOOTH, "noise", 4), whole)


def test_blur_agrees_with_scikit_image() -> None:
    sigma = CORRUPTIONS["blur"].strengths[4] * 32
    theirs = gaussian(SMOOTH.astype(np.float32), sigma=(0, 0, sigma, sigma), mode="reflect")
    found = corrupt(SMOOTH, "blur", 5)
    inner = (slice(None), slice(None), slice(4, -4), slice(4, -4))
    assert np.abs(found[inner] - theirs[inner]).max() <= 1


def test_noise_has_the_stated_strength_and_the_seed_changes_it() -> None:
    grey = np.full((20, 1, 32, 32), 128, np.uint8)
    found = corrupt(grey, "noise", 3)
    assert (found.astype(float) - 128).std() == pytest.approx(255 * 0.08, rel=0.02)
    assert (corrupt(grey, "noise", 3, seed=1) != found).any()


def test_light_goes_both_ways_and_contrast_keeps_the_mean() -> None:
    grey = np.full((40, 1, 4, 4), 128, np.uint8)
    shifts = corrupt(grey, "brightness", 2)[:, 0, 0, 0].astype(int) - 128
    assert set(shifts) == {-26, 26} or set(shifts) == {-25, 26} or set(shifts) == {-26, 25}
    flat = corrupt(SMOOTH, "contrast", 5)
    np.testing.assert_allclose(flat.mean((1, 2, 3)), SMOOTH.mean((1, 2, 3)), atol=0.5)
    assert flat.std() < 0.25 * SMOOTH.std()


def test_stains_are_scikit_images_and_no_change_gives_the_image_back() -> None:
    theirs = rgb_from_hed / np.linalg.norm(rgb_from_hed, axis=1, keepdims=True)
    np.testing.assert_allclose(theirs[:2], corruptions.RGB_FROM_HED[:2]
                               / np.linalg.norm(corruptions.RGB_FROM_HED[:2], axis=1)[:, None],
                               atol=1e-6)  # fmt: skip
    same = corruptions.stain(SMOOTH, 0.0, np.arange(6), 0)
    np.testing.assert_array_equal(same, SMOOTH)


def test_a_change_of_stain_is_along_one_stain() -> None:
    white = np.full((3, 3, 4, 4), 255, np.uint8)
    found = corrupt(white, "stain", 5).astype(float)
    assert (found[0, :, 0, 0] != found[1, :, 0, 0]).any()  # each image its own
    assert found.std(axis=(2, 3)).max() == 0


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match="corruption_colour"):
        corrupt(SMOOTH[:, :1], "stain", 1)
    with pytest.raises(ConfigError, match="corruption_severity"):
        corrupt(SMOOTH, "blur", 6)
    with pytest.raises(ConfigError, match="entry_unknown"):
        corrupt(SMOOTH, "rain", 1)
    assert len(corrupt(SMOOTH[:0], "blur", 2)) == 0
