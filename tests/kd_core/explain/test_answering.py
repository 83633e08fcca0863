import numpy as np
import pytest

from kd_core.explain.answering import class_score, filling_of

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 1, 16, 16), dtype=np.uint8)


@pytest.mark.parametrize("task", ["classification", "multilabel"])
def test_the_probability_of_one_class(a_corner, task):
    model = a_corner(task=task)
    logits = model.predict_uint8(IMAGES)["logits"].astype(float)
    e = np.exp(logits)
    expected = e[:, 1] / e.sum(1) if task == "classification" else 1 / (1 + np.exp(-logits[:, 1]))
    assert np.allclose(class_score(model, 1)(IMAGES), expected)


def test_the_filling_is_the_mean_of_the_training_images(corner):
    assert filling_of(corner).tolist() == [[[128]]]
