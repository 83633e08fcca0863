"""What the replay says below each image, by hand."""

from types import SimpleNamespace

import numpy as np
from scipy.special import softmax

from app import learn_try_replay
from kd_core.study.replay import Looks
from tests.helpers_app import say


def test_each_image_has_what_the_student_said_at_that_look(monkeypatch):
    logits = np.random.default_rng(0).normal(size=(2, 3, 2))
    looks = Looks(steps=np.array([1, 9]), rows=np.array([0, 2, 4]), logits=logits)
    part = SimpleNamespace(targets=np.array([0, 1, 1, 0, 0]), images=np.zeros((5, 1, 4, 4)))
    captions = []

    class Screen:
        def container(self, **how):
            return self

        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

        def image(self, pixels, caption, **how):
            assert pixels.shape == (4, 4, 3)
            captions.append(caption)

    monkeypatch.setattr(learn_try_replay, "_seen", lambda material, key: part)
    monkeypatch.setattr(learn_try_replay, "st", Screen())
    material = SimpleNamespace(key="k", classes=("a", "b"))
    learn_try_replay._images(material, looks, 1)
    for row, of, caption in zip((0, 2, 4), logits[1], captions, strict=True):
        k, right = int(of.argmax()), int(part.targets[row])
        known = "right" if k == right else "wrong"
        names = {"said": "ab"[k], "right": "ab"[right], "sure": softmax(of).max()}
        assert caption == say(f"try.said.{known}", **names)
    assert {caption[0] for caption in captions} == {"✓", "✗"}
