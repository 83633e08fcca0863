import math

import pytest

from kd_core.evaluate.correction import holm
from kd_core.study.methods_facts import method_facts
from kd_core.study.methods_text import methods
from kd_core.study.results import arm_predictions, by_arm, compare_arms, results
from tests.helpers_sample import sample_facts, sample_store, sample_study, say


def test_figures_and_verdicts_are_those_of_the_predictions() -> None:
    arms = by_arm(results(sample_store(), sample_study()))
    found = {arm.arm: arm for arm in sample_facts().arms}
    assert found["baseline"].verdict is None
    ours = compare_arms(arms["distilled"], arms["baseline"], "balanced_accuracy")
    assert found["distilled"].verdict == ours
    assert found["distilled"].p_holm == pytest.approx(holm([ours.p])[0])
    assert math.isnan(found["teacher"].p_holm)
    assert (found["distilled"].seeds, found["teacher"].seeds) == (3, 1)


def test_the_correction_counts_the_methods() -> None:
    store, study = sample_store(), sample_study()
    arms = by_arm(results(store, study))
    twice = {**arms, "again": arms["distilled"]}
    record = store.record(arms["distilled"][0].run.id)
    found = method_facts(store.study(study), record, twice, "accuracy", "val", {})
    one, two = (a for a in found.arms if a.is_method)
    assert one.p_holm == pytest.approx(min(1.0, 2 * one.verdict.p))
    assert two.p_holm == one.p_holm


def test_patients_can_be_what_is_scored() -> None:
    store, study = sample_store(), sample_study()
    group = by_arm(results(store, study))["teacher"]
    (one,) = arm_predictions(group)
    assert sample_facts().images == len(one)
    assert sample_facts().patients == len(set(one.patients))


def test_an_arm_of_another_protocol_has_a_figure_and_no_verdict() -> None:
    store, study = sample_store(), sample_study()
    arms = by_arm(results(store, study))
    record = store.record(arms["distilled"][0].run.id)
    facts = method_facts(
        store.study(study), record, arms, "accuracy", "val", {}, unranked=("distilled",)
    )
    found = {arm.arm: arm for arm in facts.arms}["distilled"]
    assert found.score.value > 0
    assert found.verdict is None
    assert "protocol differs: distilled" in " ".join(map(say, methods(facts)))
