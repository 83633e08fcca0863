import os

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from kd_core.config import ModelSettings
from kd_core.errors import ExportError
from kd_core.export import onnx_export
from kd_core.export.onnx_export import export_onnx
from kd_core.export.onnx_file import check_onnx_file
from kd_core.export.onnx_model import OnnxModel
from kd_core.models.build import build_model
from kd_core.models.spec import MODELS

# Plain, residual, squeeze-and-excite with hard-swish, concatenation. KDLAB_FULL=1 exports all.
USUAL = ("tiny_cnn", "resnet_narrow", "mobilenet_v3_small", "squeezenet1_1")
SMALL = {"tiny_cnn": {"width": 4, "depth": 1}, "resnet_narrow": {"width": 8, "blocks": 1}}
full = pytest.mark.skipif(os.environ.get("KDLAB_FULL") != "1", reason="minutes; KDLAB_FULL=1")


def images(size=32, channels=3, n=9):
    return np.random.default_rng(0).standard_normal((n, channels, size, size), np.float32)


def trained_like(name, size=32, channels=3):
    """A network whose every weight and statistic matters, as in a trained one."""
    settings = ModelSettings(name=name, params=SMALL.get(name, {}))
    model = build_model(settings, 3, channels, size, seed=0)
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        if parameter.ndim <= 1 or parameter.abs().max() < 0.1:
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.data += 0.1 * noise
    with torch.no_grad():
        model.train()(torch.from_numpy(images(size, channels)))
    return model


@pytest.mark.parametrize(
    "name", [name if name in USUAL else pytest.param(name, marks=full) for name in MODELS]
)
def test_every_model_exports_and_agrees(name, tmp_path, contract):
    size = 32
    model = trained_like(name, size)
    three = contract(size=size, channels=3, mean=(0.4,) * 3, std=(0.2,) * 3)
    report = export_onnx(model, tmp_path / "model.onnx", three, images(size))
    assert (report.exporter, report.fallback_reason) == ("dynamo", "")
    assert (report.images, report.changed) == (9, 0)
    assert report.max_abs_difference <= report.tolerance
    with torch.no_grad():
        wanted = model.eval()(torch.from_numpy(images(size)))["logits"]
    given = OnnxModel(tmp_path / "model.onnx").predict(images(size))["logits"]
    assert wanted.abs().max() > 1e-2  # else agreement would say nothing
    np.testing.assert_allclose(given, wanted, rtol=1e-3, atol=1e-4)
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
    assert report.size_bytes == (tmp_path / "model.onnx").stat().st_size


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """One exported file for several questions."""
    from kd_core.export.contract import FileContract

    contract = FileContract(
        classes=("a", "b", "c"), mean=(0.4,), std=(0.2,), size=28, channels=1, run="r1"
    )
    path = tmp_path_factory.mktemp("export") / "model.onnx"
    model = trained_like("tiny_cnn", 28, 1)
    model.train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    report = export_onnx(model, path, contract, images(28, 1))
    return model, before, path, contract, report


def test_the_network_stays_as_it_was(exported):
    model, before, *_ = exported
    assert model.training
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert any(getattr(module, "inplace", False) for module in model.modules())


def test_the_file_obeys_the_contract(exported):
    _, _, path, contract, report = exported
    info = check_onnx_file(path)
    assert (info.input_name, info.input_shape) == ("images", (None, 1, 28, 28))
    assert info.outputs == {"logits": (None, 3)}
    assert info.opset == report.opset == contract.opset
    assert info.contract == contract


def test_the_file_has_no_paths_and_the_weights_have_their_names(exported):
    model, _, path, *_ = exported
    content = path.read_bytes()
    assert b"site-packages" not in content
    assert b".py" not in content
    weights = {tensor.name for tensor in onnx.load_model(path).graph.initializer}
    assert "head.weight" in weights
    assert weights & set(model.network.state_dict())


def test_other_batch_sizes_are_taken(exported):
    _, _, path, *_ = exported
    whole = OnnxModel(path).predict(images(28, 1))["logits"]
    single = OnnxModel(path).predict(images(28, 1), batch=1)["logits"]
    np.testing.assert_allclose(whole, single, rtol=1e-4, atol=1e-5)


class Mean(nn.Module):
    """The hand-made file of conftest, as a network."""

    def __init__(self, weight=1.0):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[weight], [-2.0], [3.0]]))
        self.bias = nn.Parameter(torch.tensor([0.5, 0.0, -1.0]))

    def forward(self, images):
        return {"logits": images.mean(dim=(2, 3)) @ self.weight.T + self.bias}


def fake_export(monkeypatch, proto):
    monkeypatch.setattr(onnx_export, "_dynamo", lambda *args: proto)


def test_agreement_is_measured_on_all_images(toy, contract, tmp_path, monkeypatch):
    fake_export(monkeypatch, toy(names=("images", "logits")))
    report = export_onnx(Mean(), tmp_path / "m.onnx", contract(), images(8, 1, n=40))
    assert report.images == 40
    assert report.max_abs_difference < 1e-5


@pytest.mark.parametrize("weight", [10.0, float("nan")])
def test_a_file_that_disagrees_is_an_error_and_is_not_kept(
    toy, contract, tmp_path, monkeypatch, weight
):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"the old file")
    fake_export(monkeypatch, toy(names=("images", "logits")))
    many = 20 * images(8, 1)
    with pytest.raises(ExportError) as caught:
        export_onnx(Mean(weight), path, contract(), many)
    assert caught.value.code == "parity_failed"
    if weight == 10:
        by_hand = np.abs(9 * many.mean((2, 3))).max()
        assert caught.value.fields["difference"] == pytest.approx(by_hand, rel=1e-3)
        assert caught.value.fields["changed"] > 0
    assert [p.name for p in tmp_path.iterdir()] == ["m.onnx"]
    assert path.read_bytes() == b"the old file"


def test_changed_predictions_of_many_labels_are_counted(toy, contract, tmp_path, monkeypatch):
    class Shifted(Mean):
        def forward(self, images):
            return {"logits": super().forward(images)["logits"] - 1e-5}

    fake_export(monkeypatch, toy(names=("images", "logits")))
    monkeypatch.setattr(onnx_export, "SMALLEST_SCALE", 100.0)
    zero = np.zeros((3, 1, 8, 8), np.float32)  # label b is exactly at its threshold
    report = export_onnx(Shifted(), tmp_path / "m.onnx", contract(task="multilabel"), zero)
    assert report.changed == 3


def test_another_exporter_is_used_only_with_its_reason(toy, contract, tmp_path, monkeypatch):
    def fails(*args):
        raise torch.onnx.OnnxExporterError("no translation for aten::odd")

    monkeypatch.setattr(onnx_export, "_dynamo", fails)
    report = export_onnx(Mean(), tmp_path / "m.onnx", contract(), images(8, 1))
    assert report.exporter == "torchscript"
    assert "no translation for aten::odd" in report.fallback_reason
    assert report.max_abs_difference < 1e-5

    monkeypatch.setattr(onnx_export, "_torchscript", fails)
    with pytest.raises(ExportError, match="export_failed"):
        export_onnx(Mean(), tmp_path / "m.onnx", contract(), images(8, 1))


def test_without_images_nothing_can_be_compared(contract, tmp_path):
    with pytest.raises(ExportError, match="parity_no_images"):
        export_onnx(Mean(), tmp_path / "m.onnx", contract(), images(8, 1, n=0))
