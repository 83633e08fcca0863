"""Every number of the lesson, against the records and NumPy."""

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from kd_core.lessons import LESSONS
from kd_core.lessons.small import ASKED
from tests.helpers_lessons import sample_material

SPEC = LESSONS["small"]


def shown(**given):
    material = sample_material()
    return SPEC.show(material, SPEC.values(material, given))


def fact(found, name):
    return next(f.params for f in found.facts if f.id == f"lesson.small.fact.{name}")


def test_sizes_are_those_of_the_files():
    material = sample_material()
    sizes = {r: material.voice(r).result.file.stat().st_size for r in ("teacher", "student")}
    found = fact(shown(), "size")
    assert (found["teacher"], found["student"]) == (sizes["teacher"], sizes["student"])
    assert found["times"] == pytest.approx(sizes["teacher"] / sizes["student"], rel=5e-3)


def test_time_grows_with_the_images():
    material = sample_material()
    ms = material.voice("teacher").result.latency().latency_ms_p50
    told = fact(shown(images=2500), "time")
    assert told["teacher"] == pytest.approx(2500 * ms / 1000, rel=5e-3)  # three digits
    sides = {side.name: side for side in shown(images=100).pictures[0].info.sides}
    assert sides["time"].teacher == pytest.approx(0.1 * ms)
    assert sides["work"].teacher == material.voice("teacher").result.model.macs / 1e6


def test_the_score_is_the_one_of_the_answers():
    material = sample_material()
    sides = {side.name: side for side in shown().pictures[0].info.sides}
    for role in ("teacher", "student"):
        guessed = material.voice(role).logits.argmax(1)
        right = balanced_accuracy_score(material.targets, guessed)
        assert getattr(sides["score"], role) == pytest.approx(right)
        low, high = getattr(sides["score"], f"{role}_ends")
        assert low < right < high


def test_the_bars_are_the_softmax_of_the_image():
    material = sample_material()
    info = shown(image="12").pictures[1].info
    if "12" not in dict(SPEC.options["image"](material)):
        info = SPEC.show(material, {"image": "12", "images": 100}).pictures[1].info
    z = material.voice("student").logits[12]
    np.testing.assert_allclose(info.models[1].raw, np.exp(z) / np.exp(z).sum(), atol=1e-9)


def test_without_a_measurement_no_time_is_said():
    material = sample_material()
    voices = tuple(
        dataclasses.replace(v, result=dataclasses.replace(v.result, measurements=()))
        for v in material.voices
    )
    bare = dataclasses.replace(material, voices=voices)
    found = SPEC.show(bare, SPEC.values(bare))
    assert "lesson.small.fact.no_time" in [f.id for f in found.facts]
    assert "time" not in [side.name for side in found.pictures[0].info.sides]
    asked = next(q for q in SPEC.questions if q.name == "seconds")
    assert np.isnan(asked.answer(bare))


def test_the_question_about_time_can_be_answered_from_its_own_words():
    material = sample_material()
    asked = next(q for q in SPEC.questions if q.name == "seconds")
    told = asked.numbers(material)
    ms = material.voice("teacher").result.latency().latency_ms_p50
    assert asked.is_right(told["ms"] * ASKED / 1000, material)
    assert asked.answer(material) == pytest.approx(ASKED * ms / 1000, rel=5e-3)
    times = next(q for q in SPEC.questions if q.name == "times")
    assert times.is_right(told["teacher"] / told["student"], material)
    assert not times.is_right(1 / times.answer(material), material)
