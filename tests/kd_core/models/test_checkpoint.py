import pytest
import torch
from torch import nn

from kd_core.config import ModelSettings
from kd_core.errors import ModelError
from kd_core.models import checkpoint
from kd_core.models.build import build_model
from kd_core.models.checkpoint import load_checkpoint, read_extra, save_checkpoint


def build(name="tiny_cnn", seed=3):
    return build_model(ModelSettings(name=name, dropout=0.2), 4, 1, 28, seed=seed, output="scores")


@pytest.mark.parametrize("name", ["tiny_cnn", "mnasnet0_5", "resnet_narrow", "timm:resnet10t"])
def test_a_model_comes_back_bit_for_bit(tmp_path, name):
    model = build(name).eval()
    save_checkpoint(tmp_path / "a" / "model.pt", model, {"epoch": 3})
    again = load_checkpoint(tmp_path / "a" / "model.pt")
    images = torch.randn(2, 1, 28, 28)
    with torch.no_grad():
        assert torch.equal(again(images)["scores"], model(images)["scores"])
    assert again.spec == model.spec
    assert not again.training
    assert read_extra(tmp_path / "a" / "model.pt") == {"epoch": 3}
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["model.pt"]


def test_the_file_is_readable_without_code(tmp_path):
    save_checkpoint(tmp_path / "model.pt", build())
    data = torch.load(tmp_path / "model.pt", weights_only=True)
    assert set(data) == {"kdlab", "spec", "history", "extra", "state_dict"}
    assert isinstance(data["spec"], str)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.pt"
    save_checkpoint(path, build())
    before = path.read_bytes()

    def full(data, target):
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(path, build(seed=4))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_change_of_shape_is_replayed(tmp_path, monkeypatch):
    def widen(model, step):
        old = model.network.head
        model.network.head = nn.Sequential(
            nn.Linear(old.in_features, step["rank"]), nn.Linear(step["rank"], old.out_features)
        )

    monkeypatch.setitem(checkpoint.SHAPE_STEPS, "low_rank", widen)
    model = build().eval()
    step = {"kind": "low_rank", "rank": 2}
    widen(model, step)
    model.history = (step,)
    save_checkpoint(tmp_path / "model.pt", model)
    again = load_checkpoint(tmp_path / "model.pt")
    images = torch.randn(2, 1, 28, 28)
    with torch.no_grad():
        assert torch.equal(again(images)["scores"], model(images)["scores"])
    assert again.history == (step,)
    monkeypatch.delitem(checkpoint.SHAPE_STEPS, "low_rank")
    with pytest.raises(ModelError, match="checkpoint_step_unknown"):
        load_checkpoint(tmp_path / "model.pt")


def test_wrong_files_are_refused(tmp_path):
    path = tmp_path / "model.pt"
    with pytest.raises(ModelError, match="checkpoint_missing"):
        load_checkpoint(path)
    torch.save(build().state_dict(), path)
    with pytest.raises(ModelError, match="checkpoint_not_ours"):
        load_checkpoint(path)
    torch.save(build(), path)
    with pytest.raises(ModelError, match="checkpoint_has_code"):
        load_checkpoint(path)
    path.write_bytes(b"text")
    with pytest.raises(ModelError, match="checkpoint_unreadable"):
        load_checkpoint(path)


@pytest.mark.parametrize("change", ["fewer", "more", "other shape"])
def test_a_state_dict_that_does_not_fit_its_specification_is_refused(tmp_path, change):
    path = tmp_path / "model.pt"
    save_checkpoint(path, build())
    data = torch.load(path, weights_only=True)
    if change == "fewer":
        del data["state_dict"]["head.bias"]
    elif change == "more":
        data["state_dict"]["extra"] = torch.zeros(1)
    else:
        data["state_dict"]["head.bias"] = torch.zeros(9)
    torch.save(data, path)
    with pytest.raises(ModelError) as caught:
        load_checkpoint(path)
    assert caught.value.code == "checkpoint_other_architecture"
    assert caught.value.fields["example"] in ("head.bias", "extra")


def test_a_newer_layout_is_refused(tmp_path):
    path = tmp_path / "model.pt"
    save_checkpoint(path, build())
    data = torch.load(path, weights_only=True)
    torch.save({**data, "kdlab": 99}, path)
    with pytest.raises(ModelError, match="checkpoint_newer"):
        load_checkpoint(path)
