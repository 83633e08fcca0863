"""Cuts of a tiny study's student, and those that ship with the sample, by other means."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from kd_core.compress.prune_channels import remove
from kd_core.compress.prune_groups import find_groups
from kd_core.compress.spec import Workshop
from kd_core.lessons import made_sensitivity
from kd_core.lessons.made_sensitivity import RATIOS, accuracy, cut, make, read, subject_of
from kd_core.models.profile import profile
from kd_core.train.loader import normalisation
from tests.helpers_lessons import few_images, sample_material

FEW = (0.3, 0.8)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder, told = tmp_path_factory.mktemp("sensitivity"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made_sensitivity, "RATIOS", FEW)
        make(few_images(), folder, lambda done, total: told.append((done, total)))
    return read(folder), told


def test_every_layer_is_cut_and_weighed(made):
    material, (found, told) = few_images(), made
    network = material.network(subject_of(material))
    groups = find_groups(network)
    assert [one.layer for one in found.layers] == [group.name for group in groups]
    assert found.ratios == (0.0, *FEW)
    for group, one in zip(groups, found.layers, strict=True):
        trial = copy.deepcopy(network)
        remove(trial.network, {group: set(range(one.left[0] - one.left[1]))})
        weighed = profile(trial, network.spec.channels, network.spec.size)
        assert (weighed.macs, weighed.params) == (one.macs[1], one.params[1])
        left = trial.network.get_submodule(group.name).weight.shape[0]
        assert left == one.left[1]
    assert told[-1][0] == told[-1][1] == len(FEW) * (2 + len(groups))


def test_the_uncut_network_is_the_models_own(made):
    found, _ = made
    material = few_images()
    right = subject_of(material).logits.argmax(1) == material.targets
    assert found.images == len(material.targets)
    assert found.whole.scores[0] == pytest.approx(right.mean())
    assert all(one.scores[0] == pytest.approx(right.mean()) for one in found.layers)


def test_the_shipped_cuts_are_those_of_the_sample():
    material = sample_material()
    found, voice = material.made["sensitivity"], subject_of(material)
    assert (found.model, found.images) == (voice.name, len(material.targets))
    right = voice.logits.argmax(1) == material.targets
    assert found.whole.scores[0] == pytest.approx(right.mean())
    mean, std = normalisation(material.data, material.data_settings)
    shop = Workshop(data=material.data, mean=mean, std=std, folder=Path())
    network, facts = cut(material, voice, shop, RATIOS[2], recalibrate=False)
    rows = np.arange(len(material.targets))
    with torch.no_grad():
        answers = network(material.batch(rows))["logits"].argmax(1).numpy()
    # another machine may round a few close answers the other way
    assert found.whole.scores[3] == pytest.approx((answers == material.targets).mean(), abs=0.01)
    assert found.whole.macs[3] == profile(network, 3, 40).macs
    assert found.whole.left[3] == sum(layer["left"] for layer in facts["layers"])
    assert accuracy(network, material, rows) == pytest.approx((answers == material.targets).mean())
