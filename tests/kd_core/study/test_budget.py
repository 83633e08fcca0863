import numpy as np
import pandas as pd
import pytest

from kd_core.study.budget import Budget, candidates, singles
from tests.helpers_sample import sample_frame

TABLE = pd.DataFrame(
    {
        "latency_ms": [5.0, 9.0, np.nan],
        "high_ms": [12.0, 10.0, np.nan],
        "size_bytes": [1e6, 2e6, 3e6],
        "value.sensitivity:ring": [0.9, 0.7, 0.95],
        "fits": [True, False, None],
    }
)


def test_no_limit_leaves_everything_but_what_does_not_fit() -> None:
    assert Budget(must_fit=False).within(TABLE).all()
    assert Budget().within(TABLE).tolist() == [True, False, True]


def test_an_unknown_figure_is_not_within_a_limit() -> None:
    limits = Budget({"latency_ms": 100}, must_fit=False)
    assert limits.within(TABLE).tolist() == [True, True, False]


def test_a_careful_limit_holds_the_whole_band() -> None:
    limits = Budget({"latency_ms": 10}, careful=True, must_fit=False)
    assert limits.within(TABLE).tolist() == [False, True, False]


def test_least_scores_by_class_and_one_that_nobody_has() -> None:
    least = Budget(least={"sensitivity:ring": 0.8}, must_fit=False)
    assert least.within(TABLE).tolist() == [True, False, True]
    assert not Budget(least={"auc:other": 0.1}).within(TABLE).any()


def test_seeds_become_one_candidate_with_their_mean_and_sd() -> None:
    frame = sample_frame().assign(latency_ms=1.0, low_ms=1.0, high_ms=1.0, ram_bytes=1.0)
    found = candidates(frame, "macro_auc").set_index("arm")
    values = frame.loc[frame["arm"] == "distilled", "value.macro_auc"]
    row = found.loc["distilled"]
    assert row["n"] == 3
    assert row["value"] == pytest.approx(values.mean())
    assert row["sd"] == pytest.approx(values.std(ddof=1))
    assert row["high"] - row["value"] == pytest.approx(row["sd"])
    teacher = found.loc["teacher"]
    assert (teacher["n"], teacher["low"]) == (1, teacher["low.macro_auc"])


def test_folds_are_no_seeds() -> None:
    frame = sample_frame().assign(latency_ms=1.0, low_ms=1.0, high_ms=1.0, ram_bytes=1.0)
    frame = frame[frame["arm"] == "distilled"]
    values = frame["value.macro_auc"].to_numpy()
    two = candidates(frame.assign(seed=[0, 0, 1]), "macro_auc").iloc[0]
    of_seed = np.array([values[:2].mean(), values[2]])
    assert (two["n"], two["value"]) == (2, pytest.approx(of_seed.mean()))
    assert two["sd"] == pytest.approx(of_seed.std(ddof=1))
    one = candidates(frame.assign(seed=0), "macro_auc").iloc[0]
    assert (one["n"], one["value"]) == (1, pytest.approx(values.mean()))
    assert np.isnan([one["sd"], one["low"], one["high"]]).all()


def test_expanded_seeds_have_their_own_intervals() -> None:
    frame = sample_frame()
    found = singles(frame, "macro_auc")
    assert len(found) == len(frame)
    assert (found["low"] == frame["low.macro_auc"]).all()


def test_expanded_folds_are_their_seed() -> None:
    """Single folds were judged on other images: they may not be ranked."""
    frame = sample_frame()
    frame = frame[frame["arm"] == "distilled"].assign(seed=[0, 0, 1])
    values = frame["value.macro_auc"].to_numpy()
    found = singles(frame, "macro_auc")
    assert found["value"].tolist() == pytest.approx([values[:2].mean(), values[2]])
    assert np.isnan(found["low"].to_numpy(float)).tolist() == [True, False]


def test_nothing_gives_no_candidate() -> None:
    assert not len(candidates(sample_frame().iloc[:0], "macro_auc"))
