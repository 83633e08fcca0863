from types import SimpleNamespace

import pytest

from kd_core.config import (
    Arm,
    DataSettings,
    DistilSettings,
    LossTerm,
    ModelSettings,
    StudySettings,
    TrainSettings,
)
from kd_core.losses import LOSSES
from kd_core.study.advisor import PAIRS, kin, own_gains, published_gains


def test_published_methods_are_losses_of_ours() -> None:
    named = {name for pair in PAIRS for method in pair.gained for name in method.split("+")}
    assert named <= set(LOSSES)
    assert len({(pair.teacher, pair.student) for pair in PAIRS}) == 13
    alone = {(pair.student, pair.alone) for pair in PAIRS}
    assert len(alone) == len({student for student, _ in alone})  # one student alone, one figure


def test_ranges_are_over_pairs_of_one_kind() -> None:
    crd = {gain.method: gain for gain in published_gains("other")}["crd"]
    assert (crd.pairs, crd.below) == (6, 0)
    assert crd.low == pytest.approx(75.65 - 71.82)
    assert crd.high == pytest.approx(76.05 - 70.50)
    attention = {gain.method: gain for gain in published_gains("other")}["attention"]
    assert attention.below == 2  # it harmed both MobileNetV2 students
    dkd = {gain.method: gain for gain in published_gains("same")}["dkd"]
    assert (dkd.pairs, dkd.source) == (6, "Zhao et al. 2022")
    assert dkd.low == pytest.approx(74.81 - 71.98)
    assert dkd.high == pytest.approx(74.68 - 70.36)


def test_networks_of_one_type_are_told_by_their_names() -> None:
    assert kin("timm:resnet34", "resnet18") == "same"
    assert kin("resnet50", "regnet_y_400mf") == "other"


def result(seed: int, value: float) -> SimpleNamespace:
    scores = {"accuracy": SimpleNamespace(value=value)}
    return SimpleNamespace(
        run=SimpleNamespace(seed=seed),
        scores=scores,
        model=SimpleNamespace(architecture="resnet18"),
    )


def test_own_gains_are_means_over_shared_seeds_and_leave_out_other_recipes() -> None:
    both = (LossTerm(name="kd"), LossTerm(name="hint", weight=1.0))
    study = StudySettings(
        data=DataSettings(dataset="sample"),
        student=ModelSettings(name="tiny_cnn"),
        arms=(
            Arm(name="two", distil=DistilSettings(losses=both)),
            Arm(name="own", train=TrainSettings(epochs=50)),
        ),
    )
    arms = {
        "baseline": [result(0, 0.80), result(1, 0.82)],
        "two": [result(0, 0.83), result(1, 0.83), result(2, 0.99)],
        "own": [result(0, 0.9)],
        "teacher": [result(0, 0.95)],
    }
    (gain,) = own_gains(study, "mine", arms, "accuracy")
    assert (gain.method, gain.seeds) == ("kd+hint", 2)
    assert gain.points == pytest.approx(2.0)
    assert gain.pair == ("resnet18", "tiny_cnn")
