import dataclasses
import math

import numpy as np
import pytest

from kd_core.errors import DataError
from kd_core.evaluate.correction import holm
from kd_core.evaluate.harm import harm_table, too_wide
from kd_core.evaluate.verdict import compare
from tests.helpers_statistics import labels, two_classes

N = 600
RNG = np.random.default_rng(0)
TRUTH = np.arange(N) % 2
SITE = np.array(["big"] * 500 + ["far"] * 90 + ["new"] * 10)
SEX = np.where(RNG.random(N) < 0.5, "f", "m")


def model(right: np.ndarray, patients: bool = True):
    p = np.where(right, TRUTH, 1 - TRUTH) * 0.8 + 0.1
    names = np.array([f"p{i // 2}" for i in range(N)]) if patients else None
    return two_classes(p, TRUTH, patients=names, groups={"site": SITE, "sex": SEX})


RIGHT = RNG.random(N) < 0.95
TEACHER = model(RIGHT)
STUDENT = model(np.where(SITE == "far", RNG.random(N) < 0.5, np.roll(RIGHT, 2)))


def test_the_site_that_suffers_is_found_and_the_others_are_not() -> None:
    rows = harm_table([TEACHER], [STUDENT])
    by_name = {(row.column, row.value): row for row in rows}
    far = by_name["site", "far"]
    assert far.harmed
    assert far.high < 0
    assert not by_name["site", "big"].harmed
    assert not by_name["sex", "f"].difference < -0.2
    assert by_name["site", "new"].small
    assert (far.n_images, far.n_patients) == (90, 45)


def test_rows_are_all_images_then_classes_then_subgroups() -> None:
    rows = harm_table([TEACHER], [STUDENT])
    assert [(row.kind, row.value) for row in rows] == [
        ("all", ""),
        ("class", "healthy"),
        ("class", "ill"),
        *(("group", v) for v in ("big", "far", "new", "f", "m")),
    ]
    assert rows[1].metric == "sensitivity"
    found = TEACHER.predicted()[TRUTH == 0] == 0
    assert rows[1].first == pytest.approx(found.mean())


def test_a_row_is_the_verdict_on_its_images() -> None:
    rows = {(row.column, row.value): row for row in harm_table([TEACHER], [STUDENT])}
    verdict = compare([STUDENT], [TEACHER], "accuracy")
    whole = rows["", ""]
    assert (whole.difference, whole.low, whole.high) == (
        verdict.difference,
        verdict.low,
        verdict.high,
    )
    far = compare(*([m.where(SITE == "far")] for m in (STUDENT, TEACHER)), "accuracy")
    assert (rows["site", "far"].low, rows["site", "far"].p) == (far.low, far.p)


def test_holm_counts_all_rows_but_the_first() -> None:
    rows = harm_table([TEACHER], [STUDENT])
    assert [row.p_holm for row in rows[1:]] == holm([row.p for row in rows[1:]])
    assert rows[0].p_holm == rows[0].p


def test_less_is_better_still_harms_below_zero() -> None:
    row = harm_table([TEACHER], [STUDENT], "brier", repeats=100)[0]
    assert row.second > row.first
    assert row.difference < 0


def test_labels_have_both_sides_and_unknown_ones_do_not_count() -> None:
    y = (RNG.random((200, 2)) < 0.5).astype(float)
    y[:50, 0] = np.nan
    good = np.where(np.nan_to_num(y) == 1, 0.9, 0.1)
    a, b = labels(good, y), labels(1 - good, y)
    rows = [row for row in harm_table([a], [b], "exact_match", repeats=50) if row.kind == "class"]
    assert [(row.value, row.metric) for row in rows] == [
        ("a", "sensitivity"),
        ("b", "sensitivity"),
        ("a", "specificity"),
        ("b", "specificity"),
    ]
    assert rows[0].n_images + rows[2].n_images == 150
    assert all(row.difference == -1 for row in rows)


def test_a_figure_that_is_not_defined_in_a_subgroup_says_so() -> None:
    groups = {"kind": np.where(TRUTH == 1, "x", "y")}
    a, b = (dataclasses.replace(m, groups=groups) for m in (TEACHER, STUDENT))
    rows = harm_table([a], [b], "balanced_accuracy", repeats=50)
    assert all(row.undefined is not None for row in rows if row.kind == "group")
    assert all(math.isnan(row.p_holm) for row in rows if row.kind == "group")


def test_a_column_of_many_values_is_no_subgroup() -> None:
    groups = {"site": SITE, "age": np.arange(N).astype(str)}
    a, b = (dataclasses.replace(m, groups=groups) for m in (TEACHER, STUDENT))
    rows = harm_table([a], [b], repeats=50)
    assert {row.column for row in rows} == {"", "site"}
    assert too_wide(a) == {"age": N}
    assert too_wide(TEACHER) == {}


def test_a_row_names_the_labels_that_its_mean_leaves_out() -> None:
    y = np.stack([np.arange(100) % 2, np.arange(100) < 2], 1).astype(float)
    a = labels(0.3 + 0.4 * RNG.random((100, 2)), y)
    rows = harm_table([a], [a], "macro_auc", repeats=50)
    assert rows[0].left_out == ("b",)
    assert np.isfinite(rows[0].low)
    assert all(row.left_out == () for row in rows if row.kind == "class")


def test_models_of_other_images_are_refused() -> None:
    with pytest.raises(DataError, match="pairs_other_truth"):
        harm_table([TEACHER], [model(np.ones(N, bool), patients=False)])
