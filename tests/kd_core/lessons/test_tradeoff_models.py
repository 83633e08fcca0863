import math

import numpy as np
import pandas as pd
import pytest

from kd_core.latency.estimate import Target, estimate
from kd_core.latency.work import work_of
from kd_core.lessons.tradeoff_models import (
    OFFERED,
    budget_ms,
    choose,
    device_options,
    models_on,
)
from tests.helpers_lessons import sample_material


def test_measured_models_have_the_figures_of_their_records():
    material = sample_material()
    models = models_on(material, "this_machine")
    assert len(models) == len(material.voices) == 7
    assert models["role"].tolist()[:3] == ["teacher", "baseline", "student"]
    for row, voice in zip(models.to_dict("records"), material.voices, strict=True):
        right = (voice.logits.argmax(1) == material.targets).mean()
        assert row["value.accuracy"] == pytest.approx(right)
        assert row["low.accuracy"] < right < row["high.accuracy"]
        assert row["latency_ms"] == row["high_ms"] == voice.result.latency(1).latency_ms_p50
        assert row["source"] == "measured"


def test_estimated_models_have_the_estimators_figures_with_their_band():
    material = sample_material()
    models = models_on(material, "raspberry_pi_4")
    teacher = material.voice("teacher").result.file
    found = estimate(work_of(teacher), Target("raspberry_pi_4"))
    row = models.iloc[0]
    assert (row["latency_ms"], row["low_ms"], row["high_ms"]) == pytest.approx(
        (found.latency_ms, found.low_ms, found.high_ms)
    )
    assert row["source"] == "estimated"
    students = models[models["role"] != "teacher"]
    assert students["latency_ms"].nunique() == 1  # one network


def test_an_unknown_device_has_no_times():
    assert models_on(sample_material(), "abacus")["latency_ms"].isna().all()


def test_devices_to_choose_from():
    plain = [name for name, _ in device_options(sample_material())]
    assert plain == ["this_machine", *OFFERED]


def table(*rows):
    """Models as (arm, role, value, ms)."""
    return pd.DataFrame(
        [
            {
                "study": "s", "arm": arm, "name": "model", "role": role, "seed": seed,
                "value.accuracy": value,
                "low.accuracy": value, "high.accuracy": value, "latency_ms": ms, "low_ms": ms,
                "high_ms": ms, "size_bytes": 1,
            }
            for seed, (arm, role, value, ms) in enumerate(rows)
        ]
    )  # fmt: skip


def test_a_budget_is_a_share_of_the_teachers_time():
    models = table(("a", "student", 0.9, 30.0), ("teacher", "teacher", 0.9, 20.0))
    assert budget_ms(models, 50) == 10.0
    assert budget_ms(models.iloc[:1], 50) == 15.0  # of the slowest one


def test_of_what_remains_the_fastest_that_is_as_good_as_the_best():
    models = table(
        ("teacher", "teacher", 0.97, 20.0),
        ("good", "student", 0.900, 8.0),
        ("good", "student", 0.910, 9.0),
        ("quick", "student", 0.899, 4.0),
        ("poor", "student", 0.700, 1.0),
        ("unknown", "student", 0.99, math.nan),
    )
    within, found = choose(models, 10.0)
    assert within["arm"].tolist() == ["good", "quick", "poor"]
    assert within["value"].tolist() == pytest.approx([0.905, 0.899, 0.7])
    assert within["arm"][found.best] == "quick"  # 0.6 points below the best mean
    within, found = choose(models, 20.0)
    assert within["arm"][found.best] == "teacher"
    assert choose(models, 0.5)[1].best is None
    assert np.isfinite(within["latency_ms"]).all()
