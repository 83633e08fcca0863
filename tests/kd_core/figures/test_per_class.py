import numpy as np
from sklearn.metrics import confusion_matrix

from kd_core.evaluate.predictions import Predictions
from kd_core.figures.per_class import (
    Bar,
    class_bars_figure,
    class_bars_info,
    confusion_figure,
    confusion_info,
)
from kd_core.text import Msg

RNG = np.random.default_rng(0)
Y = RNG.integers(0, 3, 50)
LOGITS = RNG.normal(size=(50, 3)).astype(np.float32)
FOUND = Predictions(tuple(map(str, range(50))), Y, LOGITS, "val", 0, ("a", "b", "c"))


def say(msg: Msg) -> str:
    return msg.id


def test_counts_agree_with_scikit_learn() -> None:
    info = confusion_info(FOUND)
    np.testing.assert_array_equal(np.array(info.counts), confusion_matrix(Y, LOGITS.argmax(1)))


def test_colour_is_the_share_of_the_true_class_and_text_the_count() -> None:
    made = confusion_figure(confusion_info(FOUND), say)
    np.testing.assert_allclose(np.array(made.data[0].z).sum(1), 1)
    assert np.array(made.data[0].text).sum() == 50
    assert made.layout.yaxis.autorange == "reversed"


def test_a_class_without_images_is_an_empty_row() -> None:
    few = Predictions(("x",), np.array([0]), LOGITS[:1], "val", 0, ("a", "b", "c"))
    made = confusion_figure(confusion_info(few), say, dark=True)
    assert np.isfinite(np.array(made.data[0].z)).all()


def test_models_stand_side_by_side() -> None:
    bars = [Bar(0.5, 0.4, 0.6), Bar(0.7, 0.6, float("nan")), Bar(0.9, 0.8, 1.0)]
    info = class_bars_info("auc", ("a", "b", "c"), {"one": bars, "two": bars})
    made = class_bars_figure(info, say)
    assert [trace.name for trace in made.data] == ["one", "two"]
    assert made.data[0].x != made.data[1].x
    assert made.data[0].error_y.array[1] == 0  # no interval, no bar
