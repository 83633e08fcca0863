import itertools
from types import SimpleNamespace

import pytest

from kd_core.config import LatencySettings
from kd_core.errors import JobError
from kd_core.latency import own_calibrate as module
from kd_core.latency.devices import all_devices
from kd_core.latency.own_calibrate import Figure, Step, believed, calibrate
from kd_core.latency.own_evidence import read_evidence
from kd_core.latency.own_networks import CalibrationNetwork
from tests.helpers_devices import conv_file

NETS = tuple(CalibrationNetwork("tiny_cnn", size) for size in (16, 24))
REAL = module.measure
QUICK = LatencySettings(warmup=1, repeats=5)


@pytest.fixture(autouse=True)
def _small(monkeypatch, tmp_path):
    def files(cache, networks, progress):
        progress(0, len(networks))
        return {n.name: conv_file(tmp_path / f"{n.size}.onnx", size=n.size) for n in networks}

    monkeypatch.setattr(module, "calibration_files", files)
    monkeypatch.setattr(module, "threads_here", lambda: (1,))
    monkeypatch.setattr(module, "AGREE", 1000.0)  # a busy machine must not fail the tests
    monkeypatch.setattr(module, "CROWDED", 1.0)


def run(home, busy=lambda: False, **more):
    steps = []
    added = calibrate(home, busy, steps.append, networks=NETS, settings=QUICK, poll_s=0, **more)
    return added, steps


def test_it_measures_every_network_and_becomes_a_device(home):
    added, steps = run(home)
    assert added == 2
    rows = read_evidence(home, "this_machine")
    assert [row.name for row in rows] == ["tiny_cnn@16", "tiny_cnn@24"]
    assert all(row.latency_ms > 0 and row.runtime == "onnxruntime" for row in rows)
    assert "this_machine" in all_devices(home)
    assert steps[0] == Step("export", 0, 2)
    assert steps[-1] == Step("measure", 2, 2)


def test_it_waits_while_a_run_is_training(home):
    answers = itertools.chain([True, True], itertools.repeat(False))
    _, steps = run(home, lambda: next(answers))
    assert [step.stage for step in steps].count("wait") == 2


def test_a_figure_during_which_a_run_began_is_measured_again(home, monkeypatch):
    calls = []
    measure = module.measure

    def counted(*arguments, **more):
        calls.append(arguments)
        return measure(*arguments, **more)

    monkeypatch.setattr(module, "measure", counted)
    answers = itertools.chain([False, True], itertools.repeat(False))  # quiet, then not
    run(home, lambda: next(answers))
    assert len(calls) == 5  # two networks, two rounds, one of them once more


def test_it_gives_up_when_training_always_comes_in_between(home):
    answers = itertools.cycle([False, True])
    with pytest.raises(JobError, match="calibrate_busy"):
        run(home, lambda: next(answers))
    assert read_evidence(home, "this_machine") == []


def test_it_ends_when_it_is_asked_to(home):
    with pytest.raises(JobError, match="cancelled"):
        run(home, stop=lambda: True)


def figure(ms: float, others: float = 0.0) -> Figure:
    return Figure(SimpleNamespace(latency_ms_p50=ms), others)


def test_the_smallest_median_counts_when_a_second_round_confirms_it(monkeypatch):
    monkeypatch.setattr(module, "AGREE", 0.1)
    monkeypatch.setattr(module, "CROWDED", 0.25)
    assert believed([]) is None
    assert believed([figure(10.0)]) is None
    assert believed([figure(10.0), figure(12.0)]) is None
    assert believed([figure(10.0), figure(12.0), figure(10.5)]).latency_ms_p50 == 10.0
    # equal, but both while others computed: a steady load is steadily wrong
    assert believed([figure(10.0, others=0.4), figure(10.0, others=0.4)]) is None


def test_networks_are_measured_in_turns_and_again_only_where_that_is_needed(home, monkeypatch):
    monkeypatch.setattr(module, "AGREE", 0.1)
    times = {"16": itertools.repeat(1.0), "24": iter([9.0, 2.0, 2.1])}
    order = []

    def measured(path, settings, batches):
        order.append(path.stem)
        return [REAL(path, settings, batches)[0].change(latency_ms_p50=next(times[path.stem]))]

    monkeypatch.setattr(module, "measure", measured)
    run(home)
    assert order == ["16", "24", "16", "24", "24"]
    assert [row.latency_ms for row in read_evidence(home, "this_machine")] == [1.0, 2.0]


def test_a_machine_that_is_too_busy_is_not_believed(home, monkeypatch):
    monkeypatch.setattr(module, "CROWDED", 0.25)
    monkeypatch.setattr(module, "others_share", lambda before, after: 0.6)
    monkeypatch.setattr(module, "MOST_ROUNDS", 2)
    with pytest.raises(JobError) as caught:
        run(home)
    assert caught.value.code == "calibrate_noisy"
    assert caught.value.fields["others"] == 0.6
    assert read_evidence(home, "this_machine") == []
