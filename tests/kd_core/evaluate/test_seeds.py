"""Folds of one seed are one training to a spread, an interval and a verdict."""

from dataclasses import replace

import numpy as np
import pytest

from kd_core.evaluate.arms import score_of_arm, seed_figures
from kd_core.evaluate.harm import harm_table
from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.seeds import n_folds, rows_of_seeds
from kd_core.evaluate.verdict import compare

N = 120
IDS = tuple(map(str, range(N)))
TRUTH = np.arange(N) % 2
PATIENTS = np.repeat(np.arange(N // 3), 3).astype(str)


def model(seed: int, fold: int | None, wrong: int, rng: np.random.Generator) -> Predictions:
    """Right on all but ``wrong`` images."""
    said = TRUTH.copy()
    said[rng.choice(N, wrong, replace=False)] ^= 1
    logits = np.eye(2, dtype=np.float32)[said]
    return Predictions(IDS, TRUTH, logits, "test", seed, ("no", "yes"), "classification", PATIENTS,
                       fold=fold)  # fmt: skip


def folds(seeds: dict[int, list[int]]) -> list[Predictions]:
    rng = np.random.default_rng(7)
    return [model(s, k, wrong, rng) for s, all_ in seeds.items() for k, wrong in enumerate(all_)]


def test_three_folds_of_two_seeds_are_two_seeds() -> None:
    first, second = folds({0: [10, 14, 18], 1: [8, 8, 8]}), folds({0: [20] * 3, 1: [20] * 3})
    found = compare(first, second, "accuracy")
    assert (found.n_seeds, found.n_folds) == (2, 3)
    assert [msg.id for msg in found.msg.params["basis"]][-1] == "verdict.n_folds"
    assert found.difference == pytest.approx((20 - 11) / N)  # the mean over all six pairs
    assert seed_figures(first, "accuracy") == pytest.approx((1 - 14 / N, 1 - 8 / N))
    assert harm_table(first, second, "accuracy", repeats=50)[0].difference < 0


def test_a_teacher_of_each_fold_does_not_make_seeds_of_folds() -> None:
    students = folds({0: [9, 9], 1: [15, 15]})
    teachers = folds({0: [5, 6]}) * 2  # each stands in the pairs of both seeds
    found = compare(students, teachers, "accuracy")
    assert (found.n_seeds, found.n_folds) == (2, 2)
    assert [rows.tolist() for rows in rows_of_seeds(students, teachers)] == [[0, 1], [2, 3]]


def test_copies_of_a_fold_make_nobody_surer() -> None:
    """With every fold alike, interval and verdict are those of a study without folds."""
    once = {0: 10, 1: 16, 2: 13}, {0: 18, 1: 17, 2: 22}
    rng = np.random.default_rng(3)
    alone = [[model(s, None, wrong, rng) for s, wrong in side.items()] for side in once]
    copied = [[replace(one, fold=k) for one in side for k in range(3)] for side in alone]
    a, b = compare(*alone, "accuracy"), compare(*copied, "accuracy")
    assert (b.low, b.high, b.p) == pytest.approx((a.low, a.high, a.p))
    assert (a.n_folds, b.n_folds, b.n_seeds) == (0, 3, 3)
    counted = compare(*[[replace(p, fold=None) for p in side] for side in copied], "accuracy")
    assert counted.high - counted.low < b.high - b.low  # what nine seeds would have said
    one, three = (score_of_arm(side[0], "accuracy") for side in (alone, copied))
    assert (three.low, three.high) == pytest.approx((one.low, one.high))


def test_false_alarms_stay_where_they_are_with_folds() -> None:
    """Equally good methods whose seeds vary: folds share their seed's luck."""
    rng = np.random.default_rng(1)
    alarms, trials = {"seeds": 0, "folds": 0}, 80
    for _ in range(trials):
        sides = [
            [model(s, k, luck, rng) for s in range(3) for luck in [rng.integers(5, 26)]
             for k in range(3)]
            for _ in range(2)
        ]  # fmt: skip
        said = compare(*sides, "accuracy", repeats=200)
        loose = [[replace(p, fold=None) for p in side] for side in sides]
        alarms["seeds"] += said.kind in ("better", "worse")
        alarms["folds"] += compare(*loose, "accuracy", repeats=200).kind in ("better", "worse")
    error = np.sqrt(0.05 * 0.95 / trials)
    assert alarms["seeds"] / trials <= 0.05 + 2 * error
    assert alarms["folds"] / trials > 0.05 + 4 * error  # counted as seeds, they would mislead


def test_folds_are_counted_once() -> None:
    assert n_folds(folds({0: [1, 1, 1], 1: [1, 1, 1]})) == 3
    assert n_folds([replace(one, fold=None) for one in folds({0: [1]})]) == 0
