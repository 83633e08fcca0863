import numpy as np
import pytest

from kd_core.errors import ConfigError, JobError
from kd_core.slides.slide import ArraySlide, Level
from kd_core.slides.tiles import choose_level, grid, tiles, tissue_mask

IMAGE = np.random.default_rng(0).integers(0, 256, (100, 130, 3), dtype=np.uint8)


def with_tissue(height=400, width=600):
    """Glass with one piece of tissue in the lower right quarter."""
    image = np.full((height, width, 3), 240, np.uint8)
    image[height // 2 :, width // 2 :] = (180, 90, 140)
    return ArraySlide(image)


@pytest.mark.parametrize(("side", "step"), [(30, 30), (30, 20), (64, 64), (100, 1)])
def test_tiles_cover_everything(side, step):
    slide = ArraySlide(IMAGE)
    seen = np.zeros((100, 130), int)
    places = grid(slide, side, step, least_tissue=0)
    for tile in tiles(slide, places):
        seen[tile.y : tile.y + side, tile.x : tile.x + side] += 1
        assert (tile.image == IMAGE[tile.y : tile.y + side, tile.x : tile.x + side]).all()
    assert seen.min() >= 1
    assert places.skipped == 0


def test_glass_is_skipped():
    places = grid(with_tissue(), 50)
    assert len(places) >= 24  # the quarter itself
    assert places.skipped > 60
    assert all(x >= 250 and y >= 150 for x, y, _ in places.places)
    assert max(share for _, _, share in places.places) == 1


def test_an_empty_slide_has_no_tiles_and_a_full_one_all():
    assert len(grid(ArraySlide(np.full((200, 200, 3), 245, np.uint8)), 50)) == 0
    assert len(grid(ArraySlide(np.full((200, 200, 3), 120, np.uint8)), 50)) == 16


def test_grey_pictures_have_no_glass():
    mask, scale = tissue_mask(ArraySlide(np.full((50, 50, 1), 245, np.uint8)))
    assert mask.all()
    assert scale == 1


def test_places_at_a_coarser_level(tiled):
    from kd_core.data.uploads import Limits
    from kd_core.slides.read_tiff import open_tiff

    slide = open_tiff(tiled(with_tissue().pixels), "x", None, Limits(pixels=100))
    found = list(tiles(slide, grid(slide, 50, level=1)))
    assert {(tile.side, tile.level, tile.image.shape) for tile in found} == {(100, 1, (50, 50, 3))}
    assert min(tile.x for tile in found) >= 200
    assert max(tile.x for tile in found) == 500


@pytest.mark.parametrize(
    ("own", "wanted", "downsample", "level"),
    [(0.25, 0.5, 1, 0), (0.25, 1.0, 1, 1), (0.25, 5.0, 1, 2), (None, 1.0, 4, 1), (0.5, 0.25, 1, 0)],
)
def test_the_level_of_the_training_images(own, wanted, downsample, level):
    slide = ArraySlide(IMAGE)
    slide.levels = tuple(Level(130 // d, 100 // d, d) for d in (1, 4, 16))
    slide.um_per_px = own
    assert choose_level(slide, wanted, downsample) == level


def test_progress_and_stopping():
    slide, calls = ArraySlide(IMAGE), []
    places = grid(slide, 50, least_tissue=0)
    list(tiles(slide, places, lambda *call: calls.append(call)))
    assert calls == [(i, len(places)) for i in range(1, len(places) + 1)]
    with pytest.raises(JobError, match="explain_stopped"):
        list(tiles(slide, places, lambda done, total: done < 3))


@pytest.mark.parametrize(("side", "step"), [(0, None), (10, 0), (10, 11)])
def test_sizes_that_cannot_be(side, step):
    with pytest.raises(ConfigError, match="tiles_size"):
        grid(ArraySlide(IMAGE), side, step)
