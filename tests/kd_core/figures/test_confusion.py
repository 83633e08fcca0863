from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as sk

from kd_core.evaluate.predictions import Predictions
from kd_core.figures.confusion import WRITTEN, Confusion, confusion_figure, confusion_info
from kd_core.text import load_catalogue
from tests.helpers_code import ROOT

say = load_catalogue(Path(ROOT) / "app" / "locale").render


def test_counts_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    y, logits = rng.integers(0, 3, 50), rng.normal(size=(50, 3)).astype(np.float32)
    p = Predictions(tuple(map(str, range(50))), y, logits, "val", 0, ("a", "b", "c"))
    assert np.array_equal(confusion_info(p).counts, sk.confusion_matrix(y, logits.argmax(1)))


def test_colour_is_the_share_of_the_true_class() -> None:
    info = Confusion(("ring", "healthy"), ((1, 3), (0, 0)))
    figure = confusion_figure(info, say)
    heat = figure.data[0]
    np.testing.assert_allclose(heat.z, [[0.25, 0.75], [0, 0]])
    assert list(figure.data[1].text) == ["1<br>25%", "3<br>75%", "0<br>0%", "0<br>0%"]
    assert figure.data[1].textfont.color[1] == "#FFFFFF"  # three quarters is a deep blue
    assert "true: ring<br>predicted: healthy<br>3 images, 75.0 %" in heat.customdata[0][1]
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]  # the first class on top
    assert figure == confusion_figure(info, say)


@pytest.mark.parametrize("k", [2, WRITTEN, WRITTEN + 1, 100])
def test_many_classes_stay_on_the_screen(k) -> None:
    info = Confusion(tuple(map(str, range(k))), tuple((1,) * k for _ in range(k)))
    figure = confusion_figure(info, say, dark=True)
    assert figure.layout.height <= 900
    assert [len(trace.text) for trace in figure.data[1:]] == ([k * k] if k <= WRITTEN else [])
