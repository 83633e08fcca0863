import copy
import json

import pytest
import torch
from torch import nn

from kd_core.compress import COMPRESSORS, Subject
from kd_core.compress.sparsify import masks_layer, masks_n_m, sparse_weights
from kd_core.config import ModelSettings
from kd_core.models import build_model, load_checkpoint, save_checkpoint
from tests.helpers_compress import apply, small_resnet, tiny_shop
from tests.helpers_train import equal_weights, tiny_run

METHODS = [name for name, spec in COMPRESSORS.items() if spec.family == "sparsify"]


def share_of_zeros(model) -> float:
    weights = sparse_weights(model)
    zeros = sum(int((w == 0).sum()) for w in weights.values())
    return zeros / sum(w.numel() for w in weights.values())


@pytest.mark.parametrize("name", METHODS)
def test_weights_are_zero_and_the_shape_is_the_same(name, tmp_path):
    model = small_resnet()
    before = copy.deepcopy(model)
    made = apply(name, model, tiny_shop(tmp_path))
    assert equal_weights(model, before)
    assert share_of_zeros(made.network) == pytest.approx(0.5 if "2_4" in name else 0.7, abs=0.03)
    assert made.network.history == ()
    zipped, smaller = made.facts["state_gzip_bytes"]
    assert smaller < 0.8 * zipped
    save_checkpoint(tmp_path / "model.pt", made.network)
    assert equal_weights(load_checkpoint(tmp_path / "model.pt"), made.network)
    json.dumps(made.facts)


def test_two_of_four_neighbouring_inputs_stay():
    weights = {"a": torch.randn(6, 8, 3, 3), "b": torch.randn(5, 12), "c": torch.randn(4, 3, 3, 3)}
    masks = masks_n_m(weights)
    assert set(masks) == {"a", "b"}  # three inputs are no multiple of four
    for path, mask in masks.items():
        fours = mask.movedim(1, -1).reshape(-1, 4)
        assert (fours.sum(1) == 2).all()
        kept = weights[path].abs().movedim(1, -1).reshape(-1, 4)
        smallest_kept = kept.where(fours, torch.inf).min(1).values
        assert (smallest_kept >= kept.where(~fours, -torch.inf).max(1).values).all()


def test_every_layer_loses_the_same_share():
    masks = masks_layer({"a": torch.randn(40), "b": 100 * torch.randn(80)}, 0.25)
    assert [float((~mask).float().mean()) for mask in masks.values()] == [0.25, 0.25]


@pytest.mark.parametrize("name", METHODS)
def test_zeros_stay_zero_while_the_network_learns(name, tmp_path):
    from kd_core.train import fit

    seen = []

    def tune(network, share):
        start = {path: w.clone() for path, w in sparse_weights(network).items()}
        run = tiny_run(epochs=1)
        folder = tmp_path / f"tune-{len(seen)}"
        fitted = fit(run, shop.data, network, folder=folder, cache=tmp_path / "cache")
        now = sparse_weights(fitted.network)
        seen.append(any(not torch.equal(start[path], w) for path, w in now.items()))
        return fitted.network

    shop = tiny_shop(tmp_path, tune=tune)
    made = apply(name, small_resnet(), shop, **({} if "2_4" in name else {"steps": 2}))
    assert seen
    assert all(seen)  # something was learned
    assert share_of_zeros(made.network) == pytest.approx(0.5 if "2_4" in name else 0.7, abs=0.03)
    assert not any(module._forward_pre_hooks for module in made.network.modules())


def test_depthwise_filters_and_the_output_layer_stay_whole():
    model = build_model(ModelSettings(name="tiny_cnn"), 3, 3, 32, seed=0)
    layers = [model.network.get_submodule(path) for path in sparse_weights(model)]
    assert all(not isinstance(m, nn.Conv2d) or m.groups == 1 for m in layers)
    assert model.network.head not in layers


def test_a_file_is_refused(tmp_path):
    spec = COMPRESSORS["sparse_2_4"]
    assert spec.refuses(Subject(tmp_path / "x.onnx"), {}).id == "refuses.no_network"
