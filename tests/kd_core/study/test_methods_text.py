import math
import re
from dataclasses import replace

import pytest

from kd_core.config import DistilSettings, LossTerm, OperatingSettings, Ramp
from kd_core.study.methods_text import methods
from tests.helpers_sample import sample_facts, say


@pytest.fixture(scope="module")
def paragraph() -> str:
    return " ".join(say(msg) for msg in methods(sample_facts()))


def test_the_numbers_are_those_of_the_study(paragraph) -> None:
    found = sample_facts()
    counts = found.record.data.counts
    for number in (counts["train"], counts["val"], counts["test"], 12, 64, "0.004", 40):
        shown = f"{number:,}" if isinstance(number, int) else number
        assert shown in paragraph, number
    for arm in found.arms:
        assert f"{arm.score.value:.3f}" in paragraph
    assert "T = 4.0" in paragraph
    assert "α = 0.3" in paragraph


def test_citations_come_from_the_entries(paragraph) -> None:
    sources = paragraph.rpartition("Sources: ")[2]
    for source in ("Hinton et al. 2015", "Brodersen et al. 2010", "Efron & Tibshirani 1993"):
        assert source in sources
        assert f"({source})" in paragraph
    assert "Platt" not in paragraph


def test_nothing_is_left_unrendered(paragraph) -> None:
    assert not re.search(r"[{}]|\bmethods\.|\bloss\.|\bmode\.|\bNone\b", paragraph)


def test_what_was_not_done_is_not_said_and_what_was_is(paragraph) -> None:
    assert "the test part was not opened" in paragraph
    assert "synthetic" in paragraph
    assert "fold" not in paragraph
    rule = OperatingSettings(calibration="platt", rule="sensitivity", value=0.9)
    other = " ".join(say(msg) for msg in methods(sample_facts(operating=rule, folds=5)))
    assert "5 folds" in other
    assert "Platt scaling" in other
    assert "at least 90.0 %" in other


def test_the_verdict_stands_in_it(paragraph) -> None:
    found = next(arm for arm in sample_facts().arms if arm.arm == "distilled")
    assert say(found.verdict.msg) in paragraph


def test_an_arm_with_a_recipe_of_its_own_is_not_passed_off_as_equal() -> None:
    settings = sample_facts().settings
    longer = settings.arms[0].change(train=settings.train.change(steps=None, epochs=77))
    facts = sample_facts(arms=(longer, *settings.arms[1:]))
    said = " ".join(say(msg) for msg in methods(facts))
    assert f"“{longer.name}” had a recipe of its own: 77 epochs" in said


def test_the_weight_of_the_labels_is_the_one_that_was_trained_with() -> None:
    """α weighs the labels only where a response loss is, and no weight of their own."""
    settings = sample_facts().settings
    hint = LossTerm(name="hint", weight=10.0)
    kd = LossTerm(name="kd", params={"T": 4.0})
    ramp = Ramp(of="kd.T", end=1.0)
    arms = tuple(
        settings.arms[0].change(name=name, distil=DistilSettings(alpha=0.3, **changes))
        for name, changes in {
            "shared": {"losses": (kd,), "warmup": 0.1, "ramps": (ramp,)},
            "seen": {"losses": (hint,)},
            "both": {"losses": (kd, hint), "task_weight": 0.5},
        }.items()
    )
    said = [
        say(msg) for msg in methods(sample_facts(arms=arms)) if msg.id.startswith("methods.arm")
    ]
    assert "w = 0.7, T = 4.0" in said[0]
    assert said[0].endswith("the weight of the true labels was α = 0.3.")
    assert "first 10.0 % of the budget" in said[1]
    assert "kd.T changed linearly over the budget, to 1 at its end" in said[2]
    assert "w = 10" in said[3]
    assert said[3].endswith("the weight of the true labels was 1.")
    assert said[4].endswith("the weight of the true labels was 0.5.")


def test_labels_that_were_left_out_and_what_has_no_interval_are_named() -> None:
    facts = sample_facts()
    bare = replace(facts.arms[0].score, low=math.nan, high=math.nan, left_out=("rare", "odd"))
    arms = (replace(facts.arms[0], score=bare), *facts.arms[1:])
    said = " ".join(say(msg) for msg in methods(replace(facts, arms=arms)))
    assert "Labels or classes that fewer than 5 patients" in said
    assert "without rare and odd" in said
    assert "Obuchowski & Lieber 1998" in said.rpartition("Sources: ")[2]
    assert "no interval, seeds: 1" in said


def test_an_external_set_is_called_by_its_name_and_folds_are_told() -> None:
    facts = replace(sample_facts(), part="external-elsewhere", folds=3)
    said = " ".join(say(msg) for msg in methods(facts))
    assert "On the images of the external set elsewhere (" in said
    assert "and mean of 3 folds)" in said


def test_patients_are_called_patients() -> None:
    facts = replace(sample_facts(), level="mean", images=None, patients=40)
    said = " ".join(say(msg) for msg in methods(facts))
    assert "For the patients of the validation part (40 patients), each with the mean" in said
