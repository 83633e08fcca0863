import torch

from kd_core.train import checkpoint
from kd_core.train.report import Meter
from kd_core.train.state import TrainState
from kd_core.train.validate import Rank


def test_every_field_survives_a_checkpoint(tmp_path):
    state = TrainState(
        initial="ab",
        step=7,
        seconds=1.5,
        epoch_seconds=0.25,
        wait_s=0.125,
        meter=Meter({"total": 1.5}, 3),
        history=[{"epoch": 1, "val.loss": 0.5}],
        best_epoch=1,
        best_rank=Rank(0.9, -0.5),
        best_weights={"weight": torch.arange(3.0)},
    )
    checkpoint.save(tmp_path / "state.pt", state.to_plain())
    again = TrainState.from_plain(checkpoint.load(tmp_path / "state.pt"))
    assert again.meter.means() == state.meter.means()
    assert torch.equal(again.best_weights.pop("weight"), torch.arange(3.0))
    plain = [{**vars(one), "meter": None, "best_weights": None} for one in (state, again)]
    assert plain[0] == plain[1]
