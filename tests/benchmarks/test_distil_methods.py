import sys

from benchmarks import distil_methods, distil_overhead
from kd_core.losses import LOSSES
from kd_core.train import MODES

SMALL = ["--teacher", "tiny_cnn", "--student", "tiny_cnn", "--size", "32", "--images", "32"]
SMALL += ["--batch", "16", "--rounds", "1", "--methods", "--only"]


def test_losses_and_modes_stand_in_one_table(monkeypatch, capsys):
    names = ["hint", "smoothing", "mutual", "data_free"]
    monkeypatch.setattr(sys, "argv", ["distil_overhead", *SMALL, *names])
    distil_overhead.main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + 1 + len(names)
    assert lines[2].startswith("|  | `alone` | 1.00×")
    assert all(any(f"`{name}`" in line for line in lines) for name in names)


def test_every_method_can_be_asked_for():
    assert {distil_methods.loss_settings(name).losses[0].name for name in LOSSES} == set(LOSSES)
    for name, spec in MODES.items():
        low, high = spec.peers
        assert low <= len(distil_methods.mode_settings(name, "tiny_cnn").peers) <= high


def test_the_table_has_the_costliest_last():
    rows = [
        {"kind": "loss", "name": "b", "ratio": 2.0, "prepare_s": 0.5, "features": "live"},
        {"kind": "", "name": "alone", "ratio": 1.0, "prepare_s": 0.0, "features": ""},
        {"kind": "loss", "name": "a", "ratio": 1.1, "prepare_s": 0.5, "features": ""},
    ]
    names = [line.split("`")[1] for line in distil_methods.table(rows).splitlines()[2:]]
    assert names == ["alone", "a", "b"]
