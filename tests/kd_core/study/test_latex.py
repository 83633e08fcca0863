import math
from dataclasses import replace

import pandas as pd

from kd_core.study.latex import MAX_ROWS, _with_interval, escape, latex_results, latex_table
from kd_core.text import Msg
from tests.helpers_sample import sample_facts, say

ROW = {
    "arm": "kd_50%", "architecture": "tiny_cnn", "name": "model", "n": 3, "value": 0.9,
    "sd": 0.01, "low": 0.89, "high": 0.91, "source": "estimated", "tier": "B", "latency_ms": 10.0,
    "low_ms": 8.0, "high_ms": 14.0, "speed_up": 4.7, "size_bytes": 5.9e6,
}  # fmt: skip


def test_a_row_names_the_spread_and_the_band() -> None:
    text = latex_table(pd.DataFrame([ROW]), "Macro AUC", say)
    assert r"kd\_50\% (tiny\_cnn) & 3 & $0.900 \pm 0.010$ & 8--14 (B) & 4.7$\times$ & 5.90" in text
    assert "standard deviation over seeds" in text


def test_one_seed_has_its_interval_and_a_measured_time_no_band() -> None:
    one = {**ROW, "n": 1, "sd": math.nan, "source": "measured", "name": "1-prune"}
    text = latex_table(pd.DataFrame([one]), "Macro AUC", say)
    assert "0.900 [0.890, 0.910] & 10 &" in text
    assert "1-prune" in text


def test_unknown_figures_are_dashes_and_long_tables_say_so() -> None:
    lost = {**ROW, "source": "none", "speed_up": math.nan}
    text = latex_table(pd.DataFrame([lost] * (MAX_ROWS + 5)), "x", say)
    assert text.count(r"-- & -- &") == MAX_ROWS
    assert f"{MAX_ROWS} of {MAX_ROWS + 5} models" in text


def test_special_signs_are_escaped() -> None:
    assert escape("a_b & 100% {x}") == r"a\_b \& 100\% \{x\}"


def test_a_study_has_its_figures_intervals_verdicts_and_stamp() -> None:
    facts = sample_facts()
    text = latex_results(facts, Msg("stamp.sealed"), say)
    baseline = next(arm for arm in facts.arms if arm.arm == "baseline").score
    half = (baseline.high - baseline.low) / 2
    assert f"${baseline.value:.3f} \\pm {half:.3f}$" in text
    distilled = next(arm for arm in facts.arms if arm.arm == "distilled")
    assert f"{100 * distilled.verdict.difference:+.1f}" in text
    assert f"{distilled.p_holm:.3f}" in text
    assert "test part sealed" in text
    assert all(line.count("&") == 5 for line in text.splitlines() if line.endswith(r"\\"))


def test_a_verdict_without_an_interval_has_no_ends() -> None:
    facts = sample_facts()
    bare = [
        replace(arm, verdict=replace(arm.verdict, low=math.nan, high=math.nan))
        if arm.verdict
        else arm
        for arm in facts.arms
    ]
    text = latex_results(replace(facts, arms=tuple(bare)), Msg("stamp.sealed"), say)
    assert "nan" not in text
    assert f"${100 * bare[-1].verdict.difference:+.1f}$ &" in text


def test_an_uneven_interval_has_both_ends() -> None:
    assert _with_interval(0.99, 0.95, 0.995) == "0.990 [0.950, 0.995]"
    assert _with_interval(0.9, float("nan"), float("nan")) == "0.900"
