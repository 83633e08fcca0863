import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional as tv

from kd_core.data.augment import AUGMENTATIONS, augment_batch, change_light, matrices, resample
from kd_core.errors import ConfigError

N, SIZE = 40, 24
SMOOTH = torch.nn.functional.avg_pool2d(
    torch.randint(0, 256, (N, 3, SIZE + 4, SIZE + 4), generator=torch.manual_seed(0)).float(), 5, 1
)
IMAGES = SMOOTH.round().to(torch.uint8)
INDEX = torch.arange(100, 100 + N)


@pytest.mark.parametrize("name", AUGMENTATIONS.names())
@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_has_the_same_pixels_in_any_batch(name, channels):
    images = IMAGES[:, :channels]
    whole = augment_batch(images, name, 7, INDEX, 2)
    assert whole.dtype == torch.uint8
    assert whole.shape == images.shape
    for rows in ([5], [9, 3], list(range(11, 38))):
        views = torch.full((len(rows),), 2)
        some = augment_batch(images[rows], name, 7, INDEX[rows].numpy(), views)
        assert torch.equal(some, whole[rows])


@pytest.mark.parametrize("name", [name for name in AUGMENTATIONS if name != "none"])
def test_views_and_seeds_and_images_differ(name):
    same = IMAGES[:1].expand(N, -1, -1, -1)
    view = augment_batch(same, name, 0, INDEX, 0)
    assert len({image.numpy().tobytes() for image in view}) == N
    assert not torch.equal(view, augment_batch(same, name, 0, INDEX, 1))
    assert not torch.equal(view, augment_batch(same, name, 1, INDEX, 0))


def test_flips_and_quarter_turns_are_exact():
    for turns in range(4):
        angle = np.full(N, turns * np.pi / 2)
        turned = resample(IMAGES.float(), matrices(angle)).round()
        assert torch.equal(turned, torch.rot90(IMAGES, turns, (2, 3)).float())
    flipped = resample(IMAGES.float(), matrices(np.zeros(N), flip=(-1.0, 1.0))).round()
    assert torch.equal(flipped, IMAGES.flip(3).float())


def affine(angle, zoom):
    """torchvision's affine, which has one matrix for the whole batch."""
    mode = tv.InterpolationMode.BILINEAR
    return tv.affine(IMAGES.float(), angle, [0, 0], zoom, [0, 0], interpolation=mode)


def test_small_rotation_zoom_and_shift_are_torchvisions():
    inside = (slice(None), slice(None), slice(8, 16), slice(8, 16))  # edges are filled otherwise
    turned = resample(IMAGES.float(), matrices(np.full(N, np.deg2rad(12))))
    assert (turned - affine(-12, 1.0))[inside].abs().max() < 0.1  # theirs turns clockwise
    zoomed = resample(IMAGES.float(), matrices(np.zeros(N), zoom=np.full(N, 1.2)))
    assert (zoomed - affine(0, 1.2))[inside].abs().max() < 0.1
    moved = resample(IMAGES.float(), matrices(np.zeros(N), shift=(2 * 3 / SIZE, 0.0)))
    assert (moved - IMAGES.roll(-3, 3).float())[inside].abs().max() < 0.01


def test_light_is_torchvisions():
    ones = np.ones(N)
    mean = IMAGES.float().mean((1, 2, 3)).double().numpy()
    bright = change_light(IMAGES.float(), mean, ones * 1.3, ones)
    theirs = tv.adjust_brightness(IMAGES.float() / 255, 1.3) * 255
    assert (bright - theirs).abs().max() <= 0.51
    grey = IMAGES[:, :1]
    mean = grey.float().mean((1, 2, 3)).double().numpy()
    contrast = change_light(grey.float(), mean, ones, ones * 0.6)
    theirs = tv.adjust_contrast(grey.float() / 255, 0.6) * 255
    assert (contrast - theirs).abs().max() <= 0.51


def test_chest_images_are_never_upside_down():
    ramp = torch.arange(SIZE).mul(8).to(torch.uint8)[None, None, :, None].expand(N, 1, SIZE, SIZE)
    views = augment_batch(ramp, "chest", 0, INDEX, 0).float()
    assert (
        views[:, :, SIZE // 2 :].mean((1, 2, 3)) > views[:, :, : SIZE // 2].mean((1, 2, 3))
    ).all()


def test_left_stays_left_without_the_flip():
    ramp = torch.arange(SIZE).mul(8).to(torch.uint8).expand(N, 1, SIZE, SIZE)

    def is_swapped(params):
        views = augment_batch(ramp, "chest", 0, INDEX, 0, params).float()
        return views[..., : SIZE // 2].mean((1, 2, 3)) > views[..., SIZE // 2 :].mean((1, 2, 3))

    assert not is_swapped({"hflip": False}).any()
    assert 0.2 < is_swapped({"hflip": True}).float().mean() < 0.8


def test_cells_are_turned_every_way():
    corner = torch.zeros(1, 1, SIZE, SIZE, dtype=torch.uint8)
    corner[..., :8, 2:10] = 200  # neither flips nor turns map it to itself
    views = augment_batch(
        corner.expand(200, -1, -1, -1), "cells", 0, np.arange(200), 0, {"rotation": 0.0}
    )
    assert len({(view > 100).numpy().tobytes() for view in views}) == 8


def test_parameters_at_zero_change_nothing():
    still = {"rotation": 0.0, "shift": 0.0, "zoom": 0.0, "hflip": False}
    still |= {"brightness": 0.0, "contrast": 0.0, "tint": 0.0}
    assert torch.equal(augment_batch(IMAGES, "generic", 0, INDEX, 0, still), IMAGES)


def test_bad_parameters_are_refused():
    with pytest.raises(ConfigError, match="param_range"):
        augment_batch(IMAGES, "generic", 0, INDEX, 0, {"rotation": 999.0})
    with pytest.raises(ConfigError, match="entry_unknown"):
        augment_batch(IMAGES, "cell", 0, INDEX, 0)
