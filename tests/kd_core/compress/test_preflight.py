import dataclasses

import pytest

from kd_core.compress import COMPRESSORS
from kd_core.compress import preflight as preflight_module
from kd_core.compress.preflight import Ask, preflight, reasons, refusals, trace_only
from kd_core.config import CompressStep, ComputeSettings, DataSettings, ModelSettings, TrainSettings
from kd_core.data.draft import draft
from kd_core.data.library import Library
from kd_core.export import FileContract, export_onnx
from kd_core.models import build_model, save_checkpoint
from kd_core.text import Msg
from tests.helpers_chain import test_methods
from tests.helpers_data import tiny_images, write_folder


@pytest.fixture(autouse=True)
def methods():
    with test_methods():
        yield


@pytest.fixture(scope="module")
def ask(tmp_path_factory) -> Ask:
    root = tmp_path_factory.mktemp("home")
    images, labels = tiny_images(36, size=32)
    write_folder(root / "incoming", images, labels)
    Library(root).add(draft(root / "incoming"), "tiny")
    model = build_model(ModelSettings(name="tiny_cnn"), 3, 3, 32, seed=0).eval()
    save_checkpoint(root / "model.pt", model)
    contract = FileContract(
        classes=("a", "b", "c"), mean=(0.5,) * 3, std=(0.2,) * 3, size=32, channels=3
    )
    pixels = images[:4].transpose(0, 3, 1, 2).astype("float32") / 255
    trace_only(model, root / "model.onnx", contract, pixels)
    return Ask(
        home=str(root),
        file=str(root / "model.onnx"),
        checkpoint=str(root / "model.pt"),
        data=DataSettings(dataset="tiny", size=32),
        compute=ComputeSettings(device="cpu", threads=1),
        device="raspberry_pi_4",
    )


def step(method: str, tuned: bool = False, **params) -> CompressStep:
    recipe = TrainSettings(epochs=500) if tuned else None
    return CompressStep(method=method, params=params, tune=recipe)


def test_steps_are_tried_without_their_training(ask):
    steps = (step("prune_l1", True, ratio=0.5), step("finetune", True), step("test_same_file"))
    before, pruned, tuned, same = preflight(ask.change(steps=steps))
    assert pruned.macs < 0.65 * before.macs
    assert pruned.size_bytes < before.size_bytes
    assert (tuned.macs, same.macs) == (pruned.macs, pruned.macs)
    assert [x.method for x in (before, pruned, same)] == ["", "prune_l1", "test_same_file"]


def test_a_traced_file_that_will_not_do_is_exported_after_all(ask, monkeypatch):
    refused, written = [], []

    def refuses(subject, params):
        refused.append(subject.file)
        return Msg("refuses.no_network") if len(refused) == 1 else None

    def write(*given):
        written.append(given)
        return export_onnx(*given)

    picky = dataclasses.replace(COMPRESSORS["test_same_file"], refuses=refuses)
    heard = []
    steps = (step("finetune", True), step("test_same_file"))
    with monkeypatch.context() as patch:  # undone before the methods are taken out again
        patch.setitem(COMPRESSORS._entries, "test_same_file", picky)
        patch.setattr(preflight_module, "export_onnx", write)
        found = preflight(ask.change(steps=steps), lambda *far: heard.append(far))
    assert [item.problem for item in found] == [None] * 3
    assert len(written) == 1
    assert heard == [(0, 3), (1, 3), (2, 3)] * 2


def test_the_time_on_a_device_has_a_band_and_a_reason(ask):
    (found,) = preflight(ask)
    assert found.source == "estimated"
    assert found.low_ms < found.latency_ms < found.high_ms
    assert found.why[0]["id"] == "preflight.share"


def test_what_is_refused_ends_the_list_with_its_reason(ask):
    steps = (step("test_same_file"), step("test_halve", refuse=True), step("test_same_file"))
    found = preflight(ask.change(steps=steps))
    assert [item.method for item in found] == ["", "test_same_file", "test_halve"]
    assert found[-1].problem == {"id": "refuses.no_network", "params": {}}
    assert found[-1].size_bytes is None


def test_a_file_without_a_network_refuses_what_changes_networks(ask):
    found = refusals(ask.change(checkpoint=""))
    assert found["finetune"]["id"] == "refuses.no_network"
    assert found["test_same_file"] is None
    assert refusals(ask)["finetune"] is None


def test_layers_that_only_move_numbers_gain_little_from_integers():
    rows = [{"kind": "depthwise", "share": 0.7}, {"kind": "conv3x3", "share": 0.3}]
    assert [m.id for m in reasons(rows, "fp32")] == ["preflight.share"]
    share, little = reasons(rows, "int8")
    assert share.params["share"] == 0.7
    assert little.id == "preflight.int8_little"
    assert reasons([], "int8") == []
