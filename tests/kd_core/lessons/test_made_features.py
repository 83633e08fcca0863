"""A real training with hints on a tiny study, and every stored number by other means."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from kd_core.lessons.made_features import EPOCHS, hinted, make, unfit
from kd_core.lessons.maps import read
from kd_core.lessons.maps_reading import Reading
from tests.helpers_lessons import few_images, only_a_file, sample_material


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What was made, and student and projections as they were at each look."""
    material = few_images()
    narrow = material.settings.student.change(params={"width": 8, "depth": 3, "block": "separable"})
    material = dataclasses.replace(material, settings=material.settings.change(student=narrow))
    seen, look = [], Reading.look

    def watched(self):
        helper = self.mode.teaching.helpers["hint"]
        seen.append((copy.deepcopy(self.mode.deployed()), copy.deepcopy(helper)))
        look(self)

    folder, told = tmp_path_factory.mktemp("features"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Reading, "look", watched)
        make(material, folder, lambda done, total: told.append((done, total)))
    return material, read(folder), seen, told


def caught(network, path, images):
    """What a module gives, by a hook of the test's own."""
    found = []
    handle = network.network.get_submodule(path).register_forward_hook(
        lambda module, inputs, output: found.append(output)
    )
    with torch.no_grad():
        network.eval()(images)
    handle.remove()
    return found[0]


def test_errors_and_maps_by_hooks_and_matrix_products(made):
    material, found, seen, _ = made
    assert len(found.mse) == len(seen) == EPOCHS + 1
    teacher = material.network(material.voice("teacher"))
    images = material.batch(np.arange(found.read))
    for epoch in (0, EPOCHS):
        student, helper = seen[epoch]
        for number, stage in enumerate(found.stages):
            theirs = caught(teacher, stage.teacher, images)
            mine = caught(student, stage.student, images)
            assert theirs.shape[2:] == mine.shape[2:] == (stage.cells, stage.cells)
            assert (theirs.shape[1], mine.shape[1]) == stage.widths
            layer = helper[number]
            mixed = torch.einsum("oc,nchw->nohw", layer.weight[:, :, 0, 0], mine)
            projected = (mixed + layer.bias[:, None, None]).detach()
            mse = float(((projected - theirs) ** 2).mean())
            assert found.mse[epoch][number] == pytest.approx(mse, rel=1e-4)
            row, channel = found.images[0], stage.channels[0]
            span = float(projected[row, channel].max() - projected[row, channel].min())
            kept = found.projected[number].at(epoch, 0, 0)
            np.testing.assert_allclose(kept, projected[row, channel], atol=span / 510 + 1e-5)
            own = stage.own[epoch][0]
            assert own == int(layer.weight[channel, :, 0, 0].abs().argmax())
            span = float(mine[row, own].max() - mine[row, own].min())
            kept = found.own[number].at(epoch, 0, 0)
            np.testing.assert_allclose(kept, mine[row, own], atol=span / 510 + 1e-5)


def test_the_average_error_is_the_variance_of_each_channel(made):
    material, found, _, _ = made
    teacher = material.network(material.voice("teacher"))
    images = material.batch(np.arange(found.read))
    for stage in found.stages:
        theirs = caught(teacher, stage.teacher, images).double().numpy()
        by_channel = [theirs[:, c].var() for c in range(theirs.shape[1])]
        assert stage.variance == pytest.approx(np.mean(by_channel), rel=1e-4)
        lively = np.sort(np.argsort(by_channel)[::-1][: len(stage.channels)])
        assert stage.channels == tuple(lively.tolist())


def test_scores_are_those_of_the_validation_part(made):
    material, found, seen, told = made
    part = material.part
    with torch.no_grad():
        logits = seen[-1][0].eval()(material.batch(np.arange(len(part))))["logits"]
    predicted = F.softmax(logits, 1).argmax(1).numpy()
    shares = [(predicted[part.targets == k] == k).mean() for k in np.unique(part.targets)]
    assert found.metric == "balanced_accuracy"
    assert found.scores[-1] == pytest.approx(np.mean(shares))
    assert told[-1][0] == told[-1][1]


def test_hints_stand_beside_the_labels():
    distil = hinted((("a", "b"),))
    assert distil.losses[0].layers == (("a", "b"),)
    assert (distil.losses[0].name, distil.losses[0].weight) == ("hint", 1.0)


def test_a_teacher_that_is_only_a_file_has_nothing_inside_to_look_at():
    material = sample_material()
    assert unfit(material) is None
    assert unfit(only_a_file(material)).id == "material.unfit.layers"
