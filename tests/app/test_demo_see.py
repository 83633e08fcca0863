"""Fields and slides through the models of a really trained study."""

import numpy as np
import pytest

from app import demo_models, demo_pictures, demo_see
from app.demo_choose import Chosen
from app.demo_pictures import Opened, Picture
from app.services import services
from kd_core.slides.crops import SAMPLE_WINDOW
from kd_core.slides.read import open_slide
from kd_core.slides.slide import ArraySlide


@pytest.fixture
def chosen(filled) -> Chosen:
    models = tuple(demo_models.contenders(filled.study).values())[:2]
    record = services().store.record(models[0].result.run.id)
    return Chosen(filled.study, "Tiny cells", record, models)


@pytest.fixture
def field() -> Opened:
    picture = demo_pictures.fields()["field_1"]
    assert isinstance(picture.content, bytes)
    return Opened(picture, open_slide(picture.content, "field_1"), 1.0)


class Steps(list):
    """What was told, step by step."""

    def __call__(self, step: str, done: int, total: int) -> None:
        self.append((step, done, total))


def test_a_slide_of_cells_is_searched_in_blocks(chosen, field, monkeypatch) -> None:
    monkeypatch.setattr(demo_see, "BLOCK_PX", 800)
    monkeypatch.setattr(demo_see, "crop_window", lambda record, embedded: SAMPLE_WINDOW)
    seen = demo_see.see_cells_of_slide(chosen, field, steps := Steps())
    assert 160 < len(seen) < 185  # 172 are there, and none is counted twice where blocks meet
    assert len(seen.crops) == len(seen.answers[chosen.teacher.key]) == len(seen)
    assert max(cell.x for cell in seen.places) > 800  # moved to their place in the slide
    assert {"blocks", "ask"} <= {step for step, _, _ in steps}
    assert seen.matched is None


def test_a_slide_is_cut_into_tiles_as_large_as_a_training_image(chosen) -> None:
    image = np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    opened = Opened(Picture("noise", "noise", image), ArraySlide(image), 1.0)
    seen = demo_see.see_tiles(chosen, opened, Steps())
    assert {tile.side for tile in seen.places} == {32}
    assert len(seen) == 12
    assert not seen.of_cells


def test_there_are_never_too_many_tiles(chosen, monkeypatch) -> None:
    monkeypatch.setattr(demo_see, "MOST_TILES", 4)
    image = np.random.default_rng(0).integers(0, 255, (256, 256, 3), dtype=np.uint8)
    opened = Opened(Picture("noise", "noise", image), ArraySlide(image), 1.0)
    assert len(demo_see.see_tiles(chosen, opened, Steps())) == 4


def test_work_ends_where_it_is_stopped(chosen, field) -> None:
    def stop(step: str, done: int, total: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        demo_see.see_tiles(chosen, field, stop)
