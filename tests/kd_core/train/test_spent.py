import pytest

from kd_core.errors import JobError
from kd_core.train.spent import Gauges, Spending
from kd_core.train.state import TrainState
from tests.helpers_data import tiny_data
from tests.helpers_train import tiny_fit, tiny_run


class Meter:
    """One joule a reading, and memory that grows and falls."""

    def __init__(self):
        self.read, self.memory = 0.0, iter([100, 300, *[200] * 99])

    def gauges(self):
        return Gauges(joules=self.joules, peak_bytes=lambda: next(self.memory))

    def joules(self):
        self.read += 1.0
        return self.read


def test_energy_adds_up_over_the_sittings_and_memory_is_the_largest(tmp_path):
    meter, asked = Meter(), []

    def stop():
        asked.append(1)
        return "paused" if len(asked) == 9 else None

    with pytest.raises(JobError):
        tiny_fit(tiny_run(), tiny_data(), tmp_path / "run", gauges=meter.gauges(), stop=stop)
    before = meter.read
    meter.read += 1000.0  # what the machine used in between is not the run's
    result = tiny_fit(tiny_run(), tiny_data(), tmp_path / "run", gauges=meter.gauges())
    after = meter.read - before - 1000.0
    assert result.energy_j == (before - 1) + (after - 1)  # the first reading of each is the start
    assert result.peak_memory_bytes == 300


def test_an_energy_that_cannot_be_read_is_not_known(tmp_path):
    result = tiny_fit(tiny_run(epochs=1), tiny_data(), tmp_path / "run")
    assert (result.energy_j, result.peak_memory_bytes) == (None, None)
    readings = iter([1.0, 2.0, None, 4.0, 5.0])
    state, spending = TrainState(""), Spending(Gauges(joules=lambda: next(readings)))
    for _ in range(4):
        spending.charge(state)
    assert state.energy_j is None  # a gap is not filled by a guess
