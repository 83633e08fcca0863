import math

import pytest

from kd_core.errors import ExportError
from kd_core.latency.devices import DEVICES
from kd_core.latency.estimate import Estimate, SpeedUp, Target
from kd_core.latency.work import work_of
from kd_core.study import costs
from kd_core.study.costs import Cost, cost_of, measured_on, read_measured, with_costs
from kd_core.study.models_frame import model_file
from tests.helpers_sample import sample_frame, sample_store, sample_study

PI = DEVICES["raspberry_pi_4"]
TARGET = Target("raspberry_pi_4")


def work(key: str):
    row = sample_frame().set_index("key").loc[key]
    return work_of(model_file(sample_store(), row["run"], row["name"]))


def test_an_estimate_carries_its_band_memory_energy_and_speed_up() -> None:
    teacher, student = work("teacher-s0"), work("distilled-s0")
    found = cost_of(student, TARGET, PI, teacher)
    assert found.source == "estimated"
    assert found.low_ms < found.latency_ms < found.high_ms
    assert found.tier in ("A", "B", "C")
    assert found.ram_bytes > 0
    assert found.energy_low_mj <= found.energy_high_mj
    assert found.speed_up > 1
    assert cost_of(teacher, TARGET, PI, teacher).speed_up == 1


def test_a_refused_estimate_keeps_its_reason_and_the_memory(monkeypatch) -> None:
    def refuse(*_):
        raise ExportError("estimate_nothing", runtime="x", precision="y")

    monkeypatch.setattr(costs, "estimate", refuse)
    found = cost_of(work("distilled-s0"), TARGET, PI)
    assert found.source == "none"
    assert math.isnan(found.latency_ms)
    assert found.why[0].id == "error.estimate_nothing"
    assert found.ram_bytes > 0


def test_no_energy_where_no_power_is_known(monkeypatch) -> None:
    one = Estimate(TARGET, 2.0, 1.0, 4.0, "B")
    monkeypatch.setattr(costs, "estimate", lambda *_: one)
    monkeypatch.setattr(costs, "energy", lambda *_: None)
    monkeypatch.setattr(costs, "speed_up", lambda *_: SpeedUp(3.0, 2.0, 4.0))
    found = cost_of(work("distilled-s0"), TARGET, PI, work("teacher-s0"))
    assert math.isnan(found.energy_mj if hasattr(found, "energy_mj") else found.energy_low_mj)
    assert (found.speed_up, found.speed_up_high) == (3.0, 4.0)


def test_the_newest_measurement_of_each_model_counts() -> None:
    found = read_measured(sample_store(), [sample_study()])
    assert len(found) == len(sample_frame())
    assert set(found["device"]) == {"this_machine"}
    assert len(measured_on(found, Target("this_machine"))) == len(found)
    assert not len(measured_on(found, TARGET))


def test_a_measured_latency_replaces_the_estimate_and_has_no_tier() -> None:
    frame = sample_frame()
    shapes = frame.groupby("role")["shape"].first()
    made = {shape: Cost(9.0, 5.0, 14.0, "estimated", "A", 12, 90, speed_up=2.0) for shape in shapes}
    measured = measured_on(read_measured(sample_store(), [sample_study()]), Target("this_machine"))
    only = measured[measured["run"] == frame["run"][1]]
    joined = with_costs(frame, made, only, shapes["teacher"])
    assert list(joined["source"]) == ["estimated", "measured", *["estimated"] * 5]
    assert joined["latency_ms"][1] == only["latency_ms"].iloc[0]
    assert joined["tier"][1] == ""
    assert joined["latency_ms"][0] == 9.0
    assert joined["n_networks"][0] == 12


def test_measured_against_measured_needs_no_estimate() -> None:
    frame = sample_frame()
    shape = frame.loc[frame["role"] == "teacher", "shape"].iloc[0]
    measured = measured_on(read_measured(sample_store(), [sample_study()]), Target("this_machine"))
    joined = with_costs(frame, {}, measured, shape).set_index("key")
    ratio = joined.loc["teacher-s0", "latency_ms"] / joined.loc["distilled-s0", "latency_ms"]
    assert joined.loc["distilled-s0", "speed_up"] == pytest.approx(ratio)


def test_what_nobody_knows_is_said_to_be_unknown() -> None:
    frame = sample_frame()
    nothing = read_measured(sample_store(), [])
    joined = with_costs(frame, {}, measured_on(nothing, TARGET), "none")
    assert set(joined["source"]) == {"none"}
    assert joined["latency_ms"].isna().all()


def test_a_measured_energy_replaces_the_estimate() -> None:
    frame = sample_frame()
    measured = measured_on(read_measured(sample_store(), [sample_study()]), Target("this_machine"))
    assert "energy_mj" in measured
    counted = measured.assign(energy_mj=[5.0] + [math.nan] * (len(measured) - 1))
    made = {shape: Cost(9.0, energy_low_mj=1.0, energy_high_mj=2.0) for shape in frame["shape"]}
    joined = with_costs(frame, made, counted, "none").set_index(["run", "name"])
    first = joined.loc[tuple(measured.iloc[0][["run", "name"]])]
    assert (first["energy_low_mj"], first["energy_high_mj"]) == (5.0, 5.0)
    assert first["energy_source"] == "measured"
    named = with_costs(frame, made, counted.assign(energy_method="nvml"), "none")
    assert named.iloc[0]["energy_source"] == "nvml"
    assert (joined["energy_source"] == "estimated").sum() == len(frame) - 1
