import torch

from kd_core.config import ModelSettings
from kd_core.models import build_model, save_checkpoint
from kd_core.study.model_files import model_folder
from kd_core.study.step import model_name, subject_of


def test_a_model_is_named_after_its_step():
    assert model_name(1, "prune_l1") == "1-prune-l1"
    assert model_name(12, "int8") == "12-int8"


def test_a_step_finds_the_network_of_a_model_or_what_is_behind_its_file(tmp_path):
    model = build_model(ModelSettings(name="tiny_cnn"), 3, 3, 16, seed=0)
    folder = model_folder(tmp_path, "m")
    assert subject_of(tmp_path, "m").network is None
    save_checkpoint(folder / "float.pt", model)
    behind = subject_of(tmp_path, "m")
    assert behind.on_file
    assert behind.network is not None
    save_checkpoint(folder / "model.pt", model)
    own = subject_of(tmp_path, "m")
    assert not own.on_file
    assert own.file == folder / "model.onnx"
    assert not own.network.training
    images = torch.zeros(1, 3, 16, 16)
    assert torch.equal(own.network(images)["logits"], model.eval()(images)["logits"])
