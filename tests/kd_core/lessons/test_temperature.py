import dataclasses
import math

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import entropy

from kd_core.lessons import LESSONS
from kd_core.lessons.temperature import TEMPERATURES, nearest, show
from tests.helpers_lessons import sample_material
from tests.helpers_sample import say

ROW = "468"


def two_classes():
    """The embedded study as if there were only its first two classes."""
    material = sample_material()
    kept = material.targets < 2
    voices = tuple(
        dataclasses.replace(voice, logits=voice.logits[kept, :2]) for voice in material.voices
    )
    return dataclasses.replace(
        material,
        classes=material.classes[:2],
        images=material.images[kept],
        targets=material.targets[kept],
        voices=voices,
    )


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0, 20.0])
def test_every_number_of_an_image_by_scipy(temperature):
    material = sample_material()
    shown = show(material, {"image": ROW, "T": temperature})
    z = {role: material.voice(role).logits[int(ROW)] for role in ("teacher", "student")}
    p = softmax(z["teacher"] / temperature)
    bars = shown.pictures[0].info
    np.testing.assert_allclose(bars.teacher, p)
    np.testing.assert_allclose(bars.student, softmax(z["student"] / temperature))
    np.testing.assert_allclose(bars.plain, softmax(z["teacher"]))
    np.testing.assert_allclose(bars.logits, [z["teacher"], z["student"]])
    image, undecided = shown.facts[:2]
    plain = softmax(z["teacher"])
    assert image.params["p_first"] == pytest.approx(p.max())
    assert image.params["plain_second"] == pytest.approx(np.sort(plain)[-2])
    assert undecided.params["nats"] == pytest.approx(entropy(p))
    assert undecided.params["share"] == pytest.approx(entropy(p) / math.log(5))
    assert undecided.params["before"] == pytest.approx(entropy(plain))


def test_means_over_all_images_by_loops():
    material = sample_material()
    shown = show(material, {"image": ROW, "T": 4.0})
    similar, sure = (picture.info for picture in shown.pictures[1:])
    logits = material.voice("teacher").logits
    for k in range(5):
        answers = [softmax(z / 4) for z, t in zip(logits, material.targets, strict=True) if t == k]
        np.testing.assert_allclose(similar.shares[k], np.mean(answers, axis=0), atol=1e-11)
    right = int(material.targets[int(ROW)])
    wrong = {k: s for k, s in enumerate(similar.shares[right]) if k != right}
    near = shown.facts[2].params
    assert near["near"] == material.classes[max(wrong, key=wrong.get)]
    assert near["share"] == pytest.approx(max(wrong.values()))
    of_right = [softmax(z / 4)[t] for z, t in zip(logits, material.targets, strict=True)]
    teacher = sure.models[0]
    assert sum(teacher.shares) == pytest.approx(1)
    above = sum(p >= 0.95 for p in of_right) / len(of_right)
    assert teacher.shares[-1] == pytest.approx(above)
    assert teacher.marked == pytest.approx(of_right[int(ROW)])


def test_the_written_arithmetic_adds_up():
    shown = show(sample_material(), {"image": ROW, "T": 2.0})
    first = shown.steps[1].params
    z = np.sort(sample_material().voice("teacher").logits[int(ROW)])[::-1]
    assert first["scaled"] == pytest.approx(z[0] / 2, abs=1e-3)
    assert first["power"] == pytest.approx(math.exp(z[0] / 2), rel=1e-3)
    assert first["whole"] == pytest.approx(np.exp(z / 2).sum(), rel=1e-3)
    assert first["power"] / first["whole"] == pytest.approx(first["p"], rel=2e-3)
    lines = [step.params for step in shown.steps[1:-1]]
    assert sum(line["p"] for line in lines) == pytest.approx(1)


def test_hotter_is_flatter_in_the_same_order():
    material = sample_material()
    flat = [show(material, {"image": ROW, "T": t}).facts[1].params["share"] for t in TEMPERATURES]
    assert flat == sorted(flat)
    assert flat[0] < 0.9 < flat[-1]


def test_two_classes_show_first_how_sure_the_models_are():
    shown = show(two_classes(), {"image": "3", "T": 4.0})
    assert [picture.name for picture in shown.pictures] == ["softened", "sure", "similar"]
    assert len(shown.facts) == 2
    assert len(shown.steps) == 4


def test_the_nearest_wrong_class_is_never_the_right_one():
    p = np.array([[0.1, 0.6, 0.3], [0.8, 0.1, 0.1]])
    assert nearest(p, np.array([1, 0]), 1) == (2, 0.3)


def test_answers_and_explanations():
    material = sample_material()
    by_name = {question.name: question for question in LESSONS["temperature"].questions}
    assert by_name["by_hand"].answer(material) == pytest.approx(100 * softmax([1.0, 0.0])[0])
    assert by_name["by_hand"].is_right(73.1, material)
    assert by_name["most"].is_right(1.609, material)
    assert not by_name["most"].is_right(2.32, material)  # that would be bits
    told = by_name["hotter"].numbers(material)
    logits = material.voice("teacher").logits
    assert told["cold"] == pytest.approx(np.mean([softmax(z).max() for z in logits]))
    assert told["warm"] == pytest.approx(np.mean([softmax(z / 4).max() for z in logits]))
    assert told["warm"] < told["cold"]


def test_words_for_who_cannot_see_have_the_numbers():
    shown = show(sample_material(), {"image": ROW, "T": 4.0})
    for picture in shown.pictures:
        assert "%" in say(picture.words)
        assert "{" not in say(picture.words)
