import csv
import math

import pytest
import torch

from kd_core.config import DataSettings
from kd_core.errors import JobError, TrainError
from kd_core.events import Metric, Progress
from kd_core.train import checkpoint, report
from kd_core.train.loop import CHECKPOINT, HISTORY
from tests.helpers_data import tiny_data
from tests.helpers_train import TinyNet, equal_weights, tiny_fit, tiny_run

FLIPS = DataSettings(dataset="tiny", size=16, augment="cells")


def test_it_learns_and_returns_the_best_epoch(tmp_path):
    data = tiny_data(n=96)
    result = tiny_fit(tiny_run(epochs=12, lr=0.03), data, tmp_path / "run")
    scores = [row["val.balanced_accuracy"] for row in result.history]
    assert max(scores) > 0.8
    best = result.history[result.best_epoch - 1]
    ranks = [(row["val.balanced_accuracy"], -row["val.loss"]) for row in result.history]
    assert ranks.index(max(ranks)) == result.best_epoch - 1
    assert result.select_metric == "balanced_accuracy"
    from kd_core.train.validate import Validator

    again = Validator(tiny_run(), data, torch.device("cpu"))(result.network)
    assert again["val.loss"] == best["val.loss"]
    assert not result.network.training


def test_history_has_every_part_and_is_saved(tmp_path):
    result = tiny_fit(tiny_run(), tiny_data(), tmp_path / "run")
    names = {"epoch", "step", "lr", "seconds", "wait_s", "loss.task", "loss.total", "val.loss"}
    assert names <= set(result.history[0])
    assert [row["step"] for row in result.history] == [6, 12, 18]
    assert result.steps == 18
    assert result.seconds == pytest.approx(sum(row["seconds"] for row in result.history))
    saved = list(csv.DictReader((tmp_path / "run" / HISTORY).read_text().splitlines()))
    assert [float(row["val.loss"]) for row in saved] == [row["val.loss"] for row in result.history]


def test_budget_in_steps_may_end_within_an_epoch(tmp_path):
    result = tiny_fit(tiny_run(steps=8), tiny_data(), tmp_path / "run")
    assert [row["step"] for row in result.history] == [6, 8]


def test_a_cpu_run_repeats_bit_for_bit_whatever_happened_before(tmp_path):
    one = tiny_fit(tiny_run(data=FLIPS), tiny_data(), tmp_path / "one")
    torch.rand(17)
    two = tiny_fit(tiny_run(data=FLIPS), tiny_data(), tmp_path / "two")
    assert equal_weights(one.network, two.network)
    other = tiny_fit(tiny_run(data=FLIPS, seed=1), tiny_data(), tmp_path / "three")
    assert other.initial_sha256 != one.initial_sha256
    assert not equal_weights(one.network, other.network)


def test_events_tell_progress_and_figures(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "EVERY_S", 0.0)  # report every step
    events = []
    tiny_fit(tiny_run(), tiny_data(), tmp_path / "run", emit=events.append)
    metrics = [event for event in events if isinstance(event, Metric)]
    ends = [event for event in metrics if "val.loss" in event.values]
    assert [(event.epoch, event.step) for event in ends] == [(1, 6), (2, 12), (3, 18)]
    within = [event for event in metrics if event not in ends]
    assert len(within) == 18
    assert {"loss.task", "loss.total", "lr"} == set(within[0].values)
    progress = [event for event in events if isinstance(event, Progress)]
    assert progress[-1].done == progress[-1].total == 18
    assert progress[-1].left_s == 0.0


@pytest.mark.parametrize("reason", ["cancelled", "paused"])
def test_a_request_is_obeyed_at_the_next_step(tmp_path, reason):
    asked = []

    def stop():
        asked.append(1)
        return reason if len(asked) == 9 else None

    with pytest.raises(JobError) as caught:
        tiny_fit(tiny_run(), tiny_data(), tmp_path / "run", stop=stop)
    assert caught.value.code == reason
    saved = checkpoint.load(tmp_path / "run" / CHECKPOINT)
    assert saved["state"]["step"] == (8 if reason == "paused" else 6)


class BreaksAt(TinyNet):
    """Returns NaN from a forward pass of training on."""

    def __init__(self, at: int):
        super().__init__()
        self.left = at

    def forward(self, images):
        self.left -= self.training
        outputs = super().forward(images)
        return {"logits": outputs["logits"] * (math.nan if self.left < 0 else 1.0)}


def fit_network(network, tmp_path, **more):
    from kd_core.train import fit

    folder = tmp_path / "run"
    return fit(tiny_run(), tiny_data(), network, folder=folder, cache=tmp_path / "cache", **more)


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_checkpoint(tmp_path):
    with pytest.raises(TrainError) as caught:
        fit_network(BreaksAt(8), tmp_path)
    fields = caught.value.fields
    assert caught.value.code == "loss_nan"
    assert (fields["part"], fields["epoch"], fields["step"]) == ("task", 2, 9)
    assert fields["kept_epoch"] == 1
    assert fields["lr"] > 0
    saved = checkpoint.load(tmp_path / "run" / CHECKPOINT)
    assert saved["state"]["step"] == 6
    assert all(value.isfinite().all() for value in saved["state"]["best_weights"].values())


def test_weights_that_break_in_the_last_step_of_an_epoch_are_not_saved(tmp_path):
    class BreaksWhenValidated(TinyNet):
        def forward(self, images):
            outputs = super().forward(images)
            return outputs if self.training else {"logits": outputs["logits"] * math.nan}

    with pytest.raises(TrainError) as caught:
        fit_network(BreaksWhenValidated(), tmp_path)
    assert caught.value.fields["part"] == "validation"
    assert not (tmp_path / "run" / CHECKPOINT).exists()


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
        RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried …"),
        MemoryError(),
    ],
)
def test_too_little_memory_says_what_to_lower(tmp_path, error):
    class Hungry(TinyNet):
        def forward(self, images):
            raise error

    with pytest.raises(TrainError) as caught:
        fit_network(Hungry(), tmp_path)
    assert caught.value.code == "out_of_memory"
    assert caught.value.fields["batch_size"] == 8


def test_other_errors_of_torch_are_not_hidden(tmp_path):
    with pytest.raises(RuntimeError, match="channels"):
        fit_network(TinyNet(channels=1), tmp_path)
