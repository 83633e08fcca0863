import numpy as np
import pytest
import torch

from kd_core.lessons.made_sensitivity import subject_of
from kd_core.lessons.rounding import (
    FLOAT,
    answers,
    on_grid,
    rounded_layer,
    steps_of,
    top,
    weighted,
    with_rounded,
)
from tests.helpers_lessons import sample_material

BITS = (2, 3, 4, 8)


@pytest.mark.parametrize("bits", BITS)
def test_rounding_is_torchs_fake_quantisation(bits):
    w = torch.randn(6, 5, 3, 3, generator=torch.Generator().manual_seed(0))
    step = float(w.abs().max()) / top(bits)
    theirs = torch.fake_quantize_per_tensor_affine(w, step, 0, -top(bits), top(bits))
    torch.testing.assert_close(on_grid(w, bits, False), theirs)
    steps = w.abs().amax((1, 2, 3)) / top(bits)
    zeros = torch.zeros(6, dtype=torch.int32)
    theirs = torch.fake_quantize_per_channel_affine(w, steps, zeros, 0, -top(bits), top(bits))
    torch.testing.assert_close(on_grid(w, bits, True), theirs)


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("bits", BITS)
def test_no_weight_moves_by_more_than_half_its_step(bits, per_channel):
    network = sample_material().network(subject_of(sample_material()))
    for layer in weighted(network.network):
        one = rounded_layer(network, layer, bits, per_channel)
        half = (
            one.step / 2
            if len(one.step) == 1
            else one.step.reshape(-1, *[1] * (one.before.ndim - 1)) / 2
        )
        assert (one.error <= half * (1 + 1e-5) + 1e-9).all()
        assert len(np.unique(one.after)) <= (2 * top(bits) + 1) * len(one.step)


def test_weights_that_are_all_zero_stay_zero():
    zeros = torch.zeros(2, 3)
    assert on_grid(zeros, 4, True).tolist() == zeros.tolist()
    assert steps_of(zeros, 4, False).item() == 1.0


def test_answers_are_those_of_a_network_whose_weights_were_rounded_one_by_one():
    material = sample_material()
    voice = subject_of(material)
    now = answers(material, voice, 3, False)
    network = with_rounded(material.network(voice), 32, False)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
                step = module.weight.abs().max() / 3
                module.weight.copy_((module.weight / step).round() * step)
        logits = network(material.batch(now.rows))["logits"]
    np.testing.assert_allclose(now.logits, logits, atol=1e-5)
    before = material.network(voice).network.state_dict()
    again = answers(material, voice, FLOAT, False)
    assert all(
        torch.equal(w, before[n]) for n, w in material.network(voice).network.state_dict().items()
    )
    np.testing.assert_allclose(again.logits, voice.logits[again.rows], atol=1e-3)


def test_bytes_by_hand():
    material = sample_material()
    voice = subject_of(material)
    weights = weighted(material.network(voice).network).values()
    n = sum(w.numel() for w in weights)
    channels = sum(w.shape[0] for w in weights)
    assert answers(material, voice, FLOAT, False).bytes == 4 * n
    assert answers(material, voice, 8, False).bytes == n + 4 * len(list(weights))
    assert answers(material, voice, 4, True).bytes == round(n / 2) + 4 * channels
