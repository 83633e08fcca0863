from kd_core.latency.devices import DEVICES
from kd_core.latency.estimate import Target
from kd_core.latency.work import work_of
from kd_core.study.costs import THIS_MACHINE
from kd_core.study.end_to_end import Picture, network_time, newest_measurement, parts_of
from kd_core.study.models_frame import model_file
from tests.helpers_sample import sample_frame, sample_store

ROW = sample_frame().iloc[0]
SIZE = int(ROW["set.size"])
PICTURE = Picture(2 * SIZE, "png", SIZE, 3, 5)


def found_on(device: str):
    store, target = sample_store(), Target(device)
    measured = newest_measurement(store, ROW["run"], ROW["name"], target)
    work = work_of(model_file(store, ROW["run"], ROW["name"]))
    return network_time(work, measured, target, dict(DEVICES.items()))


def test_here_the_measured_parts_are_taken_as_they_are() -> None:
    network = found_on(THIS_MACHINE)
    parts = {part.name: part for part in parts_of(network, None, PICTURE)}
    assert list(parts) == ["decode", "resize", "network", "post"]
    assert parts["network"].source == parts["decode"].source == "measured"
    both = parts["decode"].latency_ms + parts["resize"].latency_ms
    assert abs(both - network.preprocess_ms_p50) < 1e-9


def test_elsewhere_all_parts_are_estimated() -> None:
    parts = parts_of(found_on("raspberry_pi_4"), DEVICES["raspberry_pi_4"], PICTURE)
    assert {part.source for part in parts} == {"estimated"}
    assert len(parts) == 4


def test_a_microcontroller_decodes_nothing() -> None:
    parts = parts_of(found_on("stm32h747"), DEVICES["stm32h747"], PICTURE)
    assert [part.name for part in parts] == ["network"]


def test_what_was_measured_elsewhere_is_not_taken() -> None:
    assert newest_measurement(sample_store(), ROW["run"], ROW["name"], Target("x")) is None
    assert network_time(None, None, Target("raspberry_pi_4"), dict(DEVICES.items())) is None
