import pytest

from kd_core.config import (
    Arm,
    DataSettings,
    DistilSettings,
    LossTerm,
    ModelSettings,
    StudySettings,
)
from kd_core.losses import LOSSES, objective
from kd_core.study.graph import expand
from kd_core.study.methods import (
    arm_for,
    comparison,
    methods,
    proposal,
    usual_term,
    usual_weight,
)
from kd_core.train.modes import check_mode

TASKS = ("classification", "multilabel")


@pytest.mark.parametrize("task", TASKS)
def test_every_method_makes_an_arm_that_can_be_trained(task) -> None:
    for method in methods(task):
        arm = arm_for(method, DistilSettings(alpha=0.3))
        if check_mode(arm.distil, task).losses:
            objective(arm.distil, task)


@pytest.mark.parametrize("task", TASKS)
def test_the_proposal_begins_with_soft_targets_and_takes_each_family(task) -> None:
    proposed = proposal(task)
    assert proposed[0] == "loss.kd"
    families = {LOSSES[name.removeprefix("loss.")].family for name in proposed}
    possible = {spec.family for _, spec in LOSSES.items() if task in spec.tasks}
    assert families == possible
    assert set(proposed) <= set(methods(task))


def test_numbers_that_a_person_chose_are_kept_and_the_rest_is_usual() -> None:
    like = DistilSettings(alpha=0.7, views=5, losses=(LossTerm(name="kd", params={"T": 6.0}),))
    assert arm_for("loss.kd", like).distil.losses[0].params["T"] == 6.0
    other = arm_for("loss.dist", like).distil
    assert (other.alpha, other.views) == (0.7, 5)
    assert other.losses == (usual_term("dist"),)


def test_weights_of_their_own_lie_within_what_was_published() -> None:
    for name in LOSSES:
        spec = LOSSES[name]
        weight = usual_weight(spec)
        if spec.family == "response":
            assert weight is None
        elif spec.range is not None:
            low, high = spec.range
            assert low * 0.99 <= weight <= high * 1.01


def test_a_comparison_is_one_study_with_an_arm_a_method() -> None:
    study = StudySettings(data=DataSettings(dataset="sample"))
    made = comparison(study, ["loss.kd", "loss.dkd"], (0, 1), "two")
    assert [arm.name for arm in made.arms] == ["kd", "dkd"]
    keys = [run.key for run in expand(made)]
    assert {"baseline-s0", "kd-s0", "dkd-s1"} <= set(keys)


def test_a_mode_that_needs_further_networks_takes_those_that_are_chosen() -> None:
    assert "mode.assistants" not in methods("classification")
    assert "mode.assistants" in methods("classification", peers=1)
    between = ModelSettings(name="resnet18")
    like = DistilSettings(mode="assistants", peers=(between,))
    assert arm_for("mode.assistants", like).distil.peers == (between,)
    assert arm_for("mode.mutual", like).distil.peers == ()
    study = StudySettings(data=DataSettings(dataset="sample"), arms=(Arm(distil=like),))
    keys = [run.key for run in expand(comparison(study, ["mode.assistants"], (0,), "chain"))]
    assert "assistants-ta1-s0" in keys
