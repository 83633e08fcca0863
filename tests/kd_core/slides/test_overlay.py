import numpy as np

from kd_core.export import FileContract
from kd_core.slides.answers import answers_of
from kd_core.slides.cells import Cell
from kd_core.slides.overlay import overlay
from kd_core.slides.tiles import Tile

CELLS = [Cell(0, 0, 4, 4, 2, 2, 2), Cell(10, 0, 16, 8, 13, 4, 3)]


def answers(logits, task="classification"):
    contract = FileContract(
        classes=("a", "b"), mean=(0.5,), std=(0.2,), size=8, channels=1, task=task
    )
    return answers_of(np.array(logits, float), contract)


def test_colour_by_prediction_and_dashed_where_models_differ():
    both = {"t": answers([[1, 0], [0, 2]]), "s": answers([[1, 0], [3, 0]])}
    info = overlay(CELLS, both, (20, 10))
    assert [shape.colour for shape in info.shapes] == [0, 1]
    assert [shape.dashed for shape in info.shapes] == [False, True]
    assert info.shapes[1].chosen == {"t": "b", "s": "a"}
    assert info.shapes[1].box == (10, 0, 16, 8)
    assert (info.shown, info.n_disagree, info.width) == ("t", 1, 20)
    assert overlay(CELLS, both, (20, 10), shown="s").shapes[1].colour == 0


def test_equal_answers_give_an_equal_overlay():
    one, other = (overlay(CELLS, {"t": answers([[1, 0], [0, 2]])}, (20, 10)) for _ in range(2))
    assert one == other


def test_tiles_are_squares():
    tile = Tile(8, 16, 4, 0, 1.0, np.zeros((4, 4, 3), np.uint8))
    (shape,) = overlay([tile], {"t": answers([[1, 0]])}, (20, 20)).shapes
    assert shape.points == ((8, 16), (12, 16), (12, 20), (8, 20), (8, 16))


def test_several_labels_or_none():
    several = {"t": answers([[1, 2], [-3, -1]], "multilabel")}
    assert [shape.colour for shape in overlay(CELLS, several, (20, 10)).shapes] == [1, -1]
