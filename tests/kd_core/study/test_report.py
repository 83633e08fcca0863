import dataclasses

import pytest

from kd_core.evaluate import score
from kd_core.study.collect import collect
from kd_core.study.report import deployable, study_facts
from kd_core.study.results import predictions, results, visible
from kd_core.study.seal import open_chosen
from kd_core.study.store import Store
from tests.helpers_code import ROOT
from tests.helpers_sample import sample_store, sample_study


def facts(**more):
    store = sample_store()
    study = store.study(sample_study())
    return study_facts(store, study, results(store, study.id), "balanced_accuracy", **more)


def test_groups_are_arms_with_their_seeds_and_a_verdict_against_the_teacher() -> None:
    found = {group.arm: group for group in facts().groups}
    assert {arm: len(g.members) for arm, g in found.items()} == {
        "teacher": 1, "baseline": 3, "distilled": 3,
    }  # fmt: skip
    assert found["teacher"].verdict is None
    assert found["distilled"].verdict.n_seeds == 3


def test_limits_follow_from_the_data() -> None:
    said = {msg.id for msg in facts().limits}
    assert {"report.limit.device", "report.limit.synthetic", "report.limit.sealed"} <= said
    assert "report.limit.seeds" not in said
    assert "report.limit.patients" not in said  # the smears' patients are known


def test_every_model_has_its_hashes_and_the_protocol_is_the_students() -> None:
    found = facts()
    assert len(found.hashes) == 7
    assert all(len(row[3]) == 64 for row in found.hashes)
    assert found.protocol["budget"] == "12 epochs"
    assert len(found.environments) >= 1
    assert found.patients == 10


def test_a_sealed_part_has_no_verdict() -> None:
    assert all(group.verdict is None for group in facts(part="test").groups)


def test_the_card_is_of_the_best_small_model() -> None:
    found = facts()
    means = {g.arm: g.spread.mean for g in found.groups}
    best = max(("baseline", "distilled"), key=means.__getitem__)
    assert deployable(found).arm == best
    only = dataclasses.replace(found, groups=found.groups[:1])
    assert deployable(only).arm == "teacher"


def test_figures_of_the_test_part_are_those_of_the_test_part(home):
    store = Store(home)
    collect(store, ROOT / "sample_data" / "study")
    study = store.studies()[0].id
    open_chosen(store, study, ["teacher", "baseline"])
    seen = visible(results(store, study), "test")
    found = study_facts(store, store.study(study), seen, "accuracy", "test")
    assert [group.arm for group in found.groups] == ["teacher", "baseline"]
    for group in found.groups:
        on_test = [
            score(predictions(r, "test", opened=True), ["accuracy"], repeats=0)["accuracy"].value
            for r in group.members
        ]
        assert group.spread.mean == pytest.approx(sum(on_test) / len(on_test))
