import math

import numpy as np
import pandas as pd

from kd_core.figures.landscape import DOTS_OF_MANY, MAX_ARMS, MAX_DOTS, landscape_info


def models(**columns) -> pd.DataFrame:
    n = len(next(iter(columns.values())))
    usual = {
        "study": "s", "arm": [f"a{i}" for i in range(n)], "role": "student", "name": "model",
        "key": [f"a{i}-s0" for i in range(n)], "run": [f"r{i}" for i in range(n)], "seed": 0,
        "step": 0, "origin": None, "n": 1, "source": "estimated", "tier": "B",
        "latency_ms": np.arange(1.0, n + 1), "low_ms": np.arange(1.0, n + 1) / 2,
        "high_ms": np.arange(1.0, n + 1) * 2, "size_bytes": 1e6 * np.arange(1.0, n + 1),
        "value": np.linspace(0.5, 0.9, n), "low": 0.4, "high": 0.95,
        "value.sensitivity:ring": 0.5,
    }  # fmt: skip
    return pd.DataFrame({**usual, **columns})


def test_dots_have_the_axis_unit_the_band_and_the_front() -> None:
    info = landscape_info(models(value=[0.9, 0.8, 0.95]), "latency_ms", "accuracy")
    assert [dot.front for dot in info.dots] == [True, False, True]
    assert (info.dots[1].x_low, info.dots[1].x_high) == (1.0, 4.0)
    by_size = landscape_info(models(value=[0.9, 0.8]), "size_bytes", "accuracy")
    assert [dot.x for dot in by_size.dots] == [1.0, 2.0]
    assert all(math.isnan(dot.x_low) for dot in by_size.dots)


def test_less_can_be_better() -> None:
    info = landscape_info(models(value=[0.2, 0.1]), "latency_ms", "ece", higher_is_better=False)
    assert [dot.front for dot in info.dots] == [True, True]
    info = landscape_info(models(value=[0.1, 0.2]), "latency_ms", "ece", higher_is_better=False)
    assert [dot.front for dot in info.dots] == [True, False]


def test_what_has_no_coordinate_is_counted() -> None:
    info = landscape_info(
        models(latency_ms=[1.0, math.nan, 3.0], value=[0.5, 0.6, math.nan]), "latency_ms", "f1"
    )
    assert (len(info.dots), info.unknown) == (1, 2)
    assert landscape_info(models(latency_ms=[math.nan]), "latency_ms", "f1").dots == ()


def test_no_more_dots_than_can_be_drawn_and_the_front_and_the_teacher_among_them() -> None:
    n = MAX_DOTS + 100
    table = models(value=np.linspace(0.9, 0.5, n)).assign(role=["teacher", *["student"] * (n - 1)])
    table.loc[0, ["value", "latency_ms"]] = [0.1, 1e4]  # a poor, slow teacher
    info = landscape_info(table, "latency_ms", "accuracy")
    assert len(info.dots) == DOTS_OF_MANY
    assert info.left_out == n - DOTS_OF_MANY
    assert "r0" in {dot.run for dot in info.dots}


def test_a_few_are_all_drawn() -> None:
    info = landscape_info(models(value=np.linspace(0.9, 0.5, MAX_DOTS)), "latency_ms", "accuracy")
    assert (len(info.dots), info.left_out) == (MAX_DOTS, 0)


def test_many_arms_are_grouped_by_role() -> None:
    few = landscape_info(models(value=np.ones(MAX_ARMS)), "latency_ms", "f1")
    many = landscape_info(models(value=np.ones(MAX_ARMS + 1)), "latency_ms", "f1")
    assert len({dot.group for dot in few.dots}) == MAX_ARMS
    assert {dot.group for dot in many.dots} == {"student"}


def test_a_chain_is_a_path_from_its_origin_in_the_order_of_its_steps() -> None:
    table = models(value=[0.9, 0.8, 0.85, 0.7]).assign(
        arm=["distilled", "chain", "chain", "other"],
        step=[0, 2, 1, 0],
        origin=[None, "distilled", "distilled", None],
        name=["model", "2-int8", "1-prune", "model"],
    )
    info = landscape_info(table, "latency_ms", "accuracy")
    assert info.paths == ((0, 2, 1),)
    assert info.dots[1].label.endswith("2-int8")
    without = landscape_info(table.iloc[1:3], "latency_ms", "accuracy")
    assert without.paths == ((1, 0),)


def test_each_seed_of_a_chain_has_its_own_path() -> None:
    table = models(value=[0.9, 0.8, 0.9, 0.8]).assign(
        arm=["distilled", "chain"] * 2, step=[0, 1] * 2, seed=[0, 0, 1, 1],
        origin=[None, "distilled"] * 2,
    )  # fmt: skip
    assert landscape_info(table, "latency_ms", "accuracy").paths == ((0, 1), (2, 3))


def test_the_scale_follows_the_spread_unless_it_is_given() -> None:
    table = models(value=[0.9, 0.8]).assign(latency_ms=[1.0, 100.0])
    assert landscape_info(table, "latency_ms", "f1").log
    assert not landscape_info(table, "latency_ms", "f1", log=False).log


def test_the_recommended_one_is_marked_by_run_and_name() -> None:
    info = landscape_info(models(value=[0.9, 0.8]), "latency_ms", "f1", chosen=("r1", "model"))
    assert info.chosen == 1
    assert info.dots[1].run == "r1"


def test_colours_stay_while_a_limit_moves() -> None:
    table = models(value=[0.9, 0.8, 0.7])
    some = landscape_info(table, "latency_ms", "f1", keep=np.array([False, True, True]))
    assert [dot.run for dot in some.dots] == ["r1", "r2"]
    assert some.groups == ("a0", "a1", "a2")
