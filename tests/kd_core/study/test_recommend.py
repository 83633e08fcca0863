import math

import pandas as pd
import pytest

from kd_core.errors import DataError, StoreError
from kd_core.study.costs import Cost
from kd_core.study.recommend import (
    believe,
    headline,
    name_of,
    reasons,
    recommend,
    score_msg,
    sentence,
    time_msg,
    verdict_between,
)
from kd_core.study.results import by_arm, compare_arms, results
from kd_core.text import Msg
from tests.helpers_sample import sample_frame, sample_store, sample_study, say


def table(*rows: tuple[float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["value", "latency_ms", "size_bytes"])


def test_the_fastest_of_those_near_the_best() -> None:
    found = recommend(table((0.95, 9, 9), (0.945, 2, 2), (0.94, 1, 1)), "accuracy", 0.007)
    assert (found.best, found.top, found.near, found.remain) == (1, 0, 2, 3)
    assert found.runner_up == 0


def test_less_is_better_for_some_scores() -> None:
    found = recommend(table((0.10, 1, 1), (0.05, 9, 9)), "brier", 0.01)
    assert found.best == 1


def test_size_decides_where_no_latency_is_known() -> None:
    found = recommend(table((0.9, math.nan, 5), (0.9, math.nan, 3)), "accuracy", 0.01)
    assert found.best == 1


def test_nothing_within_the_limits() -> None:
    assert recommend(table(), "accuracy", 0.01).best is None
    assert recommend(table((math.nan, 1, 1)), "accuracy", 0.01).best is None


def test_the_only_one_has_no_runner_up() -> None:
    found = recommend(table((0.9, 1, 1)), "accuracy", 0.01)
    assert (found.best, found.runner_up) == (0, None)


@pytest.mark.parametrize(
    ("rows", "text_id"),
    [
        ([(0.95, 1, 1), (0.8, 9, 9)], "recommend.best"),
        ([(0.95, 1, 1), (0.949, 9, 9)], "recommend.best_and_fastest"),
        ([(0.95, 9, 9), (0.949, 1, 1)], "recommend.fastest"),
    ],
)
def test_the_reason_is_the_one_that_decided(rows, text_id) -> None:
    candidates = table(*rows)
    found = recommend(candidates, "accuracy", 0.01)
    assert reasons(found, candidates, "accuracy", 0.01).id == text_id


ROW = pd.Series(
    {
        "architecture": "tiny_cnn", "arm": "distilled", "role": "student", "name": "model",
        "step": 0, "n": 3, "value": 0.9, "sd": 0.01, "low": 0.89, "high": 0.91,
        "latency_ms": 11.23, "low_ms": 8.77, "high_ms": 14.49, "source": "estimated", "tier": "A",
        "n_networks": 16, "n_rows": 120, "size_bytes": 5_900_000, "run": "r1",
        "speed_up": 4.71, "speed_up_low": 4.2, "speed_up_high": 5.26,
    }
)  # fmt: skip
PLACE = (Msg("device.raspberry_pi_4.title"), Msg("runtime.ncnn"))


def test_the_sentence_has_band_tier_evidence_file_and_score() -> None:
    said = say(sentence(ROW, "macro_auc", *PLACE))
    for part in ("8.8 to 14 ms", "ncnn", "tier A", "16 networks", "120 published", "5.90 MB",
                 "0.900 ± 0.010"):  # fmt: skip
        assert part in said


def test_a_measured_time_has_no_band_and_an_unknown_one_no_number() -> None:
    measured = say(time_msg(pd.concat([ROW, pd.Series()]).replace("estimated", "measured"), *PLACE))
    assert "11 ms" in measured
    assert "measured" in measured
    unknown = say(time_msg(ROW.replace("estimated", "none"), *PLACE))
    derived = say(
        time_msg(
            pd.concat([ROW, pd.Series({"derived_from": "raspberry_pi_4|ncnn|4|fp32"})]), *PLACE
        )
    )
    assert "by way of 16 networks with ncnn there" in derived
    assert "no known latency" in unknown


def test_a_step_of_a_chain_is_named() -> None:
    step = ROW.replace({"model": "2-quantise", 0: 2})
    assert "2-quantise" in say(name_of(step))


def test_the_headline_is_the_speed_up_then_the_size() -> None:
    reference = pd.Series({**ROW, "run": "r0", "role": "teacher", "size_bytes": 28_000_000})
    said = say(headline(ROW, reference))
    assert said.index("4.7× faster") < said.index("4.7× smaller")
    assert headline(ROW, ROW).id == "recommend.is_reference"
    unknown = pd.Series({**ROW, "speed_up": math.nan})
    assert headline(unknown, reference).id == "recommend.smaller"


def test_the_verdict_is_the_one_of_the_results_page() -> None:
    frame, arms = sample_frame(), by_arm(results(sample_store(), sample_study()))
    left, right = (frame[frame["arm"] == arm] for arm in ("distilled", "baseline"))
    mine = verdict_between(sample_store(), left, right, "accuracy", 0.01)
    assert mine == compare_arms(arms["distilled"], arms["baseline"], "accuracy")


def test_missing_predictions_and_no_common_seed_are_refused() -> None:
    frame = sample_frame()
    left, right = (frame[frame["arm"] == arm] for arm in ("distilled", "baseline"))
    with pytest.raises(StoreError, match="predictions_missing"):
        verdict_between(sample_store(), left.assign(name="x"), right, "accuracy", 0.01)
    with pytest.raises(DataError, match="pairs_empty"):
        verdict_between(sample_store(), left.assign(seed=[7, 8, 9]), right, "accuracy", 0.01)


def test_two_estimates_that_do_not_overlap_say_which_to_believe() -> None:
    said = believe((20.0, 40.0), Cost(low_ms=9.0, high_ms=14.0), "onnxruntime", "ncnn")
    assert [msg.id for msg in said] == ["recommend.believe"]
    assert say(said[0]).startswith("The two bands do not overlap. Believe the one for ncnn")
    assert believe((10.0, 40.0), Cost(low_ms=9.0, high_ms=14.0), "onnxruntime", "ncnn") == []


def test_a_score_without_an_interval_claims_none() -> None:
    row = pd.Series({"n": 1, "value": 0.9, "low": math.nan, "high": math.nan, "sd": math.nan})
    assert score_msg(row).id == "recommend.score_bare"
    assert score_msg(row.fillna(0.8)).id == "recommend.score_one"


def test_a_time_from_a_device_with_the_same_cores_names_that_device():
    row = pd.Series(
        {
            "source": "estimated",
            "derived_from": "jetson_orin_nano|ncnn|6|ncnn_default",
            "n_networks": 16,
            "n_rows": 16,
            "low_ms": 1.0,
            "high_ms": 2.0,
            "tier": "B",
        }
    )
    device = Msg("device.jetson_orin_nano_super.title")
    there = time_msg(row, device, Msg("runtime.onnxruntime"))
    assert "with ncnn on Jetson Orin Nano, which has the same cores" in say(there)
    mine = row.replace({row["derived_from"]: "my_board|ncnn|4|fp32"})
    assert say(time_msg(mine, device, Msg("runtime.onnxruntime"))).endswith("with ncnn there)")
