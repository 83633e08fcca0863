import math
from types import SimpleNamespace

import pytest

from kd_core.config import Arm, DataSettings, DistilSettings, LossTerm, StudySettings
from kd_core.losses import objective
from kd_core.study.graph import expand
from kd_core.study.grids import answers, axes, grid, is_map, numbers, read_map, with_number

BASE = StudySettings(
    data=DataSettings(dataset="sample"),
    arms=(Arm(distil=DistilSettings(losses=(LossTerm(name="kd"),))),),
)
MADE = grid(BASE, ("alpha", (0.1, 0.5, 0.9)), ("kd.T", (2.0, 4.0)), (0, 1), "map")


def result(arm: str, seed: int, value: float) -> SimpleNamespace:
    run = SimpleNamespace(id=f"{arm}-{seed}", seed=seed)
    scores = {"accuracy": SimpleNamespace(value=value)}
    return SimpleNamespace(run=run, scores=scores, model=SimpleNamespace(role="student"))


def finished() -> dict:
    """α 0.5 and T 4 best, one neighbour within the noise, the student alone better tuned."""
    arms = {}
    for arm in MADE.arms:
        n = numbers(arm.name)
        base = 0.80 if arm.name.startswith("alone") else 0.9 - abs(n["alpha"] - 0.5) / 4
        base += 0.001 if n.get("kd.T") == 4.0 else 0.0
        arms[arm.name] = [result(arm.name, s, base + d) for s, d in ((0, -0.004), (1, 0.004))]
    arms["baseline"] = [result("baseline", s, 0.79) for s in (0, 1)]
    return arms


def test_a_grid_has_as_many_trials_of_the_student_alone() -> None:
    points = [arm for arm in MADE.arms if arm.distil.mode == "offline"]
    trials = [arm for arm in MADE.arms if arm.distil.mode == "alone"]
    assert len(points) == len(trials) == 6
    assert len({(a.train.lr, a.train.weight_decay) for a in trials}) == 6
    assert BASE.train.lr in {arm.train.lr for arm in trials}
    assert is_map(MADE)
    assert not is_map(BASE)
    keys = [run.key for run in expand(MADE)]
    assert len(keys) == len(set(keys)) == 1 + 2 * 13


def test_each_point_trains_with_its_own_numbers() -> None:
    for arm in MADE.arms[:6]:
        said, made = numbers(arm.name), objective(arm.distil, "classification")
        assert made.task_weight == said["alpha"]
        assert made.terms[0].params["T"] == said["kd.T"]


def test_a_weight_can_be_an_axis() -> None:
    distil = DistilSettings(losses=(LossTerm(name="hint", weight=2.0),))
    assert axes(distil)["hint.weight"] == 2.0
    assert with_number(distil, "hint.weight", 8.0).losses[0].weight == 8.0


def test_the_best_point_the_noise_and_the_best_alone_are_read() -> None:
    found = read_map(MADE, finished(), "accuracy")
    assert found.best == (0.5, 4.0)
    assert found.best_arm == "alpha=0.5 kd.T=4"
    assert found.sd == pytest.approx(0.008 / math.sqrt(2))
    assert found.noise > found.sd
    assert (0, 1) in found.near  # T 2 differs by 0.001
    assert (0, 0) not in found.near  # α 0.1 differs by 0.1
    assert found.alone[1] == pytest.approx(0.80)
    assert found.trials == (7, 6)


def test_a_map_answers_near_its_points_only() -> None:
    found = read_map(MADE, finished(), "accuracy")
    assert found.at(0.45, 4.2)[:2] == (0.5, 4.0)
    assert found.at(0.5, 20.0) is None


def test_what_is_not_finished_is_left_open() -> None:
    arms = {name: group for name, group in finished().items() if name == "alpha=0.1 kd.T=2"}
    found = read_map(MADE, arms, "accuracy")
    assert found.best == (0.1, 2.0)
    assert math.isnan(found.mean[1][1])
    assert found.alone is None
    assert read_map(MADE, {}, "accuracy").best is None
    assert read_map(BASE, {}, "accuracy") is None


def test_a_map_answers_for_an_arm_that_differs_in_its_two_numbers_alone() -> None:
    distil = BASE.arms[0].distil
    for other in (distil, with_number(with_number(distil, "alpha", 0.9), "kd.T", 3.0)):
        assert answers(MADE, BASE.change(arms=(Arm(distil=other),), seeds=(7,), margin=0.1), 0)


@pytest.mark.parametrize(
    "change",
    [
        {"train": BASE.train.change(epochs=BASE.train.epochs + 1)},
        {"teacher": BASE.teacher.change(run="r0")},
        {"data": BASE.data.change(size=96)},
        {"arms": (Arm(distil=BASE.arms[0].distil, train=BASE.train.change(lr=0.5)),)},
        {"arms": (Arm(distil=BASE.arms[0].distil.change(warmup=0.5)),)},
        {"arms": (Arm(distil=BASE.arms[0].distil.change(mode="mutual")),)},
        {"arms": (Arm(distil=DistilSettings(losses=(LossTerm(name="dkd"),))),)},
    ],
)
def test_a_map_says_nothing_of_another_teacher_mode_or_recipe(change) -> None:
    assert not answers(MADE, BASE.change(**change), 0)
