import numpy as np
import pytest

from kd_core.compress.prune_channels import ChannelGroup
from kd_core.compress.prune_choose import Limits, choose, choose_for, lowest, parse_layers
from kd_core.errors import ModelError

A = ChannelGroup("a", 4, 1, ())
B = ChannelGroup("b", 8, 2, ())  # 4 units of 2 channels
SCORES = {A: np.array([0.1, 0.9, 0.2, 0.8]), B: np.array([0.5, 0.3, 0.6, 0.7])}


def limits(**more) -> Limits:
    return Limits({"a": 4, "b": 4}, **more)


def test_uniform_takes_the_least_important_of_each():
    assert choose(SCORES, 0.5, "uniform", limits()) == {A: {0, 2}, B: {0, 1}}
    assert choose(SCORES, 0.3, "uniform", limits()) == {A: {0}, B: {1}}  # never more than asked


def test_global_takes_the_least_important_of_all():
    # 12 channels, a third is 4: a has 0.1 and 0.2, then one unit of b with two channels
    assert choose(SCORES, 1 / 3, "global", limits()) == {A: {0, 2}, B: {1}}


def test_something_always_stays():
    everything = choose(SCORES, 1.0, "global", limits(max_ratio=0.99))
    assert {group.name: len(units) for group, units in everything.items()} == {"a": 3, "b": 3}
    half = choose(SCORES, 1.0, "global", limits(max_ratio=0.5))
    assert half == {A: {0, 2}, B: {0, 1}}


def test_what_stays_is_a_multiple():
    chosen = choose(SCORES, 0.3, "uniform", limits(round_to=4))
    assert chosen == {}  # 3 units would stay of a, which is rounded up; b: 3 units are 6 channels
    assert choose(SCORES, 0.6, "uniform", limits(round_to=4)) == {B: {0, 1}}  # 4 channels stay


def test_an_aim_is_met_as_nearly_as_possible():
    def left(chosen) -> float:
        gone = sum(len(units) * group.blocks for group, units in chosen.items())
        return 1 - gone / 12

    assert 1 - left(choose_for(SCORES, 0.5, left, "global", limits())) == pytest.approx(0.5)
    most = choose_for(SCORES, 0.95, left, "uniform", limits(max_ratio=0.5))
    assert 1 - left(most) == pytest.approx(0.5)  # no more is allowed


def test_layers_that_are_not_named_stay_whole():
    assert lowest(SCORES, {A: 3}, limits()) == {A: {0}}


def test_ratios_by_layer_are_read():
    assert parse_layers('{"b": 0.25}', (A, B)) == {B: 0.25}
    assert parse_layers("", (A, B)) == {}
    for text in ("{", "[1]", '{"a": 1}', '{"a": "x"}', '{"a": true}', 3):
        with pytest.raises(ModelError, match="prune_layers_unreadable"):
            parse_layers(text, (A, B))
    with pytest.raises(ModelError, match="prune_layer_unknown"):
        parse_layers('{"c": 0.5}', (A, B))
