import numpy as np
import pytest

from app.demo_pictures import Kept, Picture, guess_kind, kinds_of, of_content, square
from kd_core.slides.slide import ArraySlide


@pytest.mark.parametrize(
    ("width", "height", "cells", "kind"),
    [
        (40, 40, True, "image"),
        (160, 120, True, "image"),  # a generous crop
        (1600, 1200, True, "cells"),
        (1600, 1200, False, "image"),  # a film is as a rule larger than the training images
    ],
)
def test_a_picture_is_taken_by_its_size_and_the_study(width, height, cells, kind) -> None:
    slide = ArraySlide(np.zeros((height, width, 3), np.uint8))
    assert guess_kind(slide, 40, cells) == kind


@pytest.mark.parametrize(("cells", "kinds"), [(True, ("cells", "tiles")), (False, ("tiles",))])
def test_what_is_too_large_for_one_piece_is_never_taken_as_one(cells, kinds) -> None:
    slide = ArraySlide(np.broadcast_to(np.zeros(1, np.uint8), (20_000, 20_000, 1)))
    assert kinds_of(slide, cells) == kinds
    assert guess_kind(slide, 40, cells) == kinds[0]


def test_the_one_not_used_for_longest_is_dropped_and_closed() -> None:
    class Closing:
        closed = False

        def close(self) -> None:
            self.closed = True

    store, first = Kept(2), Closing()
    store.put("a", first)
    store.put("b", Closing())
    store.put("c", Closing())
    assert list(store) == ["b", "c"]
    assert first.closed


def test_a_picture_is_named_by_its_content_alone() -> None:
    one, other = of_content(b"same", "a.png"), of_content(b"same", "b.png")
    assert one.key == other.key != of_content(b"different", "a.png").key
    assert "a.png" not in one.key
    assert one.truth is None


def test_only_an_embedded_field_has_a_truth() -> None:
    assert Picture("field_1", "field_1", b"", embedded=True).truth is not None
    assert Picture("field_1", "field_1", b"").truth is None  # a visitor's file of that name


def test_thumbnails_have_one_height() -> None:
    assert square(np.zeros((40, 80, 3), np.uint8), 60).shape == (60, 120, 3)
    assert square(np.zeros((500, 250, 1), np.uint8), 60).shape == (60, 30, 1)
