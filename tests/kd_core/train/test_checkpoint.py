import pickle

import pytest
import torch

from kd_core.errors import StoreError, TrainError
from kd_core.train import checkpoint
from tests.helpers_train import TinyNet


class Dilated(TinyNet):
    """The same weights, another function."""

    def __init__(self):
        super().__init__()
        self.conv.stride = (1, 1)


def test_hash_sees_values_names_types_and_shapes():
    state = {"a": torch.zeros(4)}
    others = [{"a": torch.ones(4)}, {"b": torch.zeros(4)}, {"a": torch.zeros(2, 2)}]
    others.append({"a": torch.zeros(4, dtype=torch.int32)})
    hashes = {checkpoint.weights_hash(other) for other in (state, *others)}
    assert len(hashes) == 5
    assert checkpoint.weights_hash({"a": torch.zeros(8)[::2]}) == checkpoint.weights_hash(state)


def test_network_hash_sees_structure_beside_weights():
    assert checkpoint.network_hash(TinyNet()) == checkpoint.network_hash(TinyNet())
    assert checkpoint.network_hash(TinyNet()) != checkpoint.network_hash(TinyNet(seed=1))
    assert checkpoint.network_hash(TinyNet()) != checkpoint.network_hash(Dilated())


def test_save_replaces_whole_files_and_leaves_nothing_beside(tmp_path):
    path = tmp_path / "checkpoint.pt"
    checkpoint.save(path, {"step": 1})
    checkpoint.save(path, {"step": 2, "weights": torch.ones(2)})
    assert checkpoint.load(path)["step"] == 2
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.pt"
    checkpoint.save(path, {"step": 1})

    def full(state, file):
        file.write(b"x")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(StoreError) as caught:
        checkpoint.save(path, {"step": 2})
    assert caught.value.code == "disk_full"
    assert checkpoint.load(path)["step"] == 1
    assert list(tmp_path.iterdir()) == [path]


class Evil:
    def __reduce__(self):
        return (print, ("this must never run",))


def test_what_is_no_checkpoint_is_refused(tmp_path, capsys):
    path = tmp_path / "checkpoint.pt"
    good = tmp_path / "good.pt"
    checkpoint.save(good, {"weights": torch.ones(1000)})
    for content in (
        b"",
        b"not a checkpoint",
        pickle.dumps(Evil(), protocol=2),
        good.read_bytes()[:900],
    ):
        path.write_bytes(content)
        with pytest.raises(TrainError) as caught:
            checkpoint.load(path)
        assert caught.value.code == "resume_unreadable"
    assert capsys.readouterr().out == ""


def test_random_state_comes_back():
    state = checkpoint.random_state()
    first = torch.rand(3)
    checkpoint.restore_random_state(state)
    assert torch.equal(torch.rand(3), first)
