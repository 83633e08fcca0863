import math

import pytest

from kd_core.config import DistilSettings, LossTerm, Ramp
from kd_core.errors import ConfigError
from kd_core.losses import objective
from kd_core.losses.schedule import is_moving, moving, settings_at, startings, warmth

KD = LossTerm(name="kd", params={"T": 6.0})
TOTAL = 21


def at(step, **settings):
    return settings_at(DistilSettings(**settings), step, TOTAL)


def test_settings_without_a_schedule_are_left_alone():
    plain = DistilSettings()
    assert not is_moving(plain)
    assert settings_at(plain, 3, TOTAL) is plain
    assert moving(plain, 3, TOTAL) == {}


@pytest.mark.parametrize("shape", ["linear", "cosine"])
def test_a_ramp_begins_at_the_settings_and_ends_at_its_end(shape):
    ramps = (Ramp(of="kd.T", end=1.0, shape=shape),)
    values = [
        at(step, losses=(KD,), ramps=ramps).losses[0].params["T"] for step in range(TOTAL + 1)
    ]
    assert (values[0], values[-2], values[-1]) == (6.0, 1.0, 1.0)
    assert values == sorted(values, reverse=True)
    way = 0.25 if shape == "linear" else (1 - math.cos(math.pi / 4)) / 2
    assert values[5] == pytest.approx(6 - 5 * way)


def test_a_weight_that_is_not_given_follows_alpha():
    now = at(10, alpha=0.2, ramps=(Ramp(of="alpha", end=1.0),))
    built = objective(now, "classification")
    assert built.task_weight == pytest.approx(0.6)
    assert built.terms[0].weight == pytest.approx(0.4)
    fixed = at(10, alpha=0.2, losses=(KD.change(weight=3.0),), ramps=(Ramp(of="alpha", end=1.0),))
    assert fixed.losses[0].weight == 3.0


def test_warm_up_scales_the_distillation_weights_and_not_the_labels():
    for step, factor in ((0, 0.0), (5, 0.5), (10, 1.0), (20, 1.0)):
        now = settings_at(DistilSettings(alpha=0.4, warmup=0.5), step, 20)
        built = objective(now, "classification")
        assert built.task_weight == 0.4
        assert built.terms[0].weight == pytest.approx(0.6 * factor)


def test_warm_up_and_a_ramp_of_the_same_weight_multiply():
    ramps = (Ramp(of="kd.weight", end=2.0),)
    now = at(5, losses=(KD.change(weight=1.0),), ramps=ramps, warmup=10 / TOTAL)
    assert now.losses[0].weight == pytest.approx(1.25 * 0.5)


def test_the_weight_of_the_labels_can_move():
    ramps = (Ramp(of="task.weight", end=0.0),)
    assert at(10, task_weight=1.0, ramps=ramps).task_weight == 0.5
    with pytest.raises(ConfigError, match="ramp_unknown"):  # it is α's here
        at(10, ramps=ramps)


def test_what_moves_is_named():
    distil = DistilSettings(losses=(KD,), ramps=(Ramp(of="kd.T", end=1.0),), warmup=0.5)
    assert moving(distil, 0, TOTAL) == {"kd.T": 6.0, "kd.weight": 0.0}
    assert warmth(distil, 20, TOTAL) == 1.0
    assert set(startings(distil)) == {"alpha", "kd.weight", "kd.T"}


def test_the_same_step_has_the_same_values_whoever_asks():
    distil = DistilSettings(ramps=(Ramp(of="kd.T", end=1.0, shape="cosine"),), warmup=0.3)
    assert [settings_at(distil, 7, TOTAL) for _ in range(2)].count(settings_at(distil, 7, TOTAL))
    assert settings_at(settings_at(distil, 7, TOTAL), 9, TOTAL) == settings_at(distil, 7, TOTAL)


@pytest.mark.parametrize(
    ("ramps", "code"),
    [
        ((Ramp(of="kd.tau", end=1.0),), "ramp_unknown"),
        ((Ramp(of="hint.weight", end=1.0),), "ramp_unknown"),
        ((Ramp(of="alpha", end=0.5), Ramp(of="alpha", end=1.0)), "ramp_repeats"),
        ((Ramp(of="alpha", end=1.5),), "config_value"),
        ((Ramp(of="kd.T", end=0.0),), "param_range"),
    ],
)
def test_bad_ramps_are_refused_before_anything_is_trained(ramps, code):
    with pytest.raises(ConfigError) as caught:
        objective(DistilSettings(ramps=ramps), "classification")
    assert caught.value.code == code
