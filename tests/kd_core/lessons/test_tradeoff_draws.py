import dataclasses
import json

import numpy as np
import pytest

from kd_core.evaluate import compare
from kd_core.lessons.tradeoff_draws import (
    REPEATS,
    SMALL,
    Drawn,
    drawn_again,
    pair_of,
    pair_options,
    verdict_of,
)
from kd_core.study.results import predictions
from tests.helpers_lessons import sample_material


def right(voice):
    """Which validation images a model gets right."""
    return voice.logits.argmax(1) == sample_material().targets


def test_pairs_are_the_models_that_they_are_said_to_be():
    material = sample_material()
    first, second = pair_of(material, "near")
    gap = right(first).mean() - right(second).mean()
    others = [
        abs(abs(right(a).mean() - right(b).mean()) - SMALL)
        for a in material.voices
        for b in material.voices
        if right(a).mean() != right(b).mean()
    ]
    assert gap > 0
    assert abs(gap - SMALL) == pytest.approx(min(others))
    assert pair_of(material, "teacher")[0].role == "teacher"
    assert {voice.role for voice in pair_of(material, "student")} == {"student", "baseline"}
    assert [plain for plain, _ in pair_options(material)] == ["near", "student", "teacher"]


@pytest.mark.parametrize("kind", ["near", "teacher"])
def test_draws_of_patients_by_hand(kind):
    material = sample_material()
    pair = pair_of(material, kind)
    found = drawn_again(pair)
    patients = np.array(material.patients)
    names = np.unique(patients)
    assert (found.n_units, found.of_patients, found.n_images) == (len(names), True, 600)
    assert found.seen == pytest.approx([right(voice).mean() for voice in pair])
    even = np.full(len(names), 1 / len(names))
    counts = np.random.default_rng(0).multinomial(len(names), even, size=REPEATS)
    for r in (0, 1, REPEATS - 1):
        images = np.concatenate(
            [
                np.tile(np.flatnonzero(patients == name), n)
                for name, n in zip(names, counts[r], strict=True)
            ]
        )
        expected = [right(voice)[images].mean() for voice in pair]
        assert found.drawn[:, r] == pytest.approx(expected)


def test_flips_and_ties_are_counted():
    drawn = np.array([[0.9, 0.8, 0.7, 0.6], [0.8, 0.9, 0.7, 0.7]])
    found = Drawn((0.9, 0.8), drawn, 4, False, 4)
    assert (found.flips(), found.ties()) == (2, 1)
    assert [found.flips(n) for n in range(5)] == [0, 0, 1, 1, 2]
    turned = Drawn((0.8, 0.9), drawn, 4, False, 4)
    assert turned.flips() == 1


def test_a_small_lead_flips_and_a_large_one_does_not():
    material = sample_material()
    assert drawn_again(pair_of(material, "near")).flips() > 20
    assert drawn_again(pair_of(material, "teacher")).flips() == 0


def test_the_verdict_is_that_of_every_page():
    material = sample_material()
    pair = pair_of(material, "student")
    expected = compare(*[[predictions(voice.result, "val")] for voice in pair], "accuracy")
    assert verdict_of(pair) == expected
    assert verdict_of(pair_of(material, "teacher")).kind == "better"


def test_a_model_without_a_score_is_no_reason_to_fail():
    material = sample_material()
    nothing = {"accuracy": {"value": None, "low": None, "high": None, "n": 600}}
    bare = material.voices[-1].result.model._replace(scores_json=json.dumps(nothing))
    result = dataclasses.replace(material.voices[-1].result, model=bare)
    voices = (*material.voices[:-1], dataclasses.replace(material.voices[-1], result=result))
    assert len(pair_of(dataclasses.replace(material, voices=voices), "near")) == 2
