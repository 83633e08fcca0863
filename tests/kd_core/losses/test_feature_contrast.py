import copy

import pytest
import torch

from kd_core.errors import ConfigError
from kd_core.losses import feature_contrast
from kd_core.losses.feature_contrast import Memory, memory_bytes

PARAMS = {"width": 8, "negatives": 500, "momentum": 0.5, "temperature": 0.1}
CLASSES = torch.tensor([2, 0, 1, 0, 2, 2, 0, 1, 7, 0])


def memory(classes=CLASSES):
    torch.manual_seed(0)
    return Memory(5, 6, classes, PARAMS)


def step(module, seed):
    generator = torch.Generator().manual_seed(seed)
    mine, theirs = (torch.randn(4, width, generator=generator) for width in (5, 6))
    index = torch.randperm(len(CLASSES), generator=generator)[:4]
    return module(mine, theirs, index)


def test_others_are_of_other_classes_and_evenly_drawn():
    drawn = memory().others(torch.arange(len(CLASSES)))
    assert (CLASSES[drawn] != CLASSES[:, None]).all()
    for image, row in enumerate(drawn):
        counts = torch.bincount(row, minlength=len(CLASSES))
        possible = CLASSES[image] != CLASSES
        assert (counts[possible] > 0.5 * 500 / possible.sum()).all()


def test_with_several_labels_every_other_image_is_different():
    drawn = memory(torch.arange(6)).others(torch.arange(6))
    assert (drawn != torch.arange(6)[:, None]).all()
    assert all(row.unique().numel() == 5 for row in drawn)


def test_draws_change_with_every_step_and_not_in_between():
    module = memory()
    index = torch.arange(4)
    first = module.others(index)
    assert module.others(index).equal(first)
    step(module, 0)
    assert not module.others(index).equal(first)


def test_going_on_from_a_saved_state_is_the_same_bit_for_bit():
    straight = memory()
    step(straight, 0)
    saved = copy.deepcopy(straight.state_dict())
    torch.manual_seed(99)  # another process
    torch.rand(5)
    resumed = Memory(5, 6, CLASSES, PARAMS)
    resumed.load_state_dict(saved)
    for seed in (1, 2):
        assert step(resumed, seed).equal(step(straight, seed))
    for name, value in straight.state_dict().items():
        assert resumed.state_dict()[name].equal(value), name


def test_images_are_remembered_with_momentum_and_length_one():
    module = memory()
    before = module.student_bank.clone()
    mine, theirs = torch.randn(2, 5), torch.randn(2, 6)
    module(mine, theirs, torch.tensor([3, 8]))
    now = torch.nn.functional.normalize(module.student(mine), dim=1)
    expected = torch.nn.functional.normalize(0.5 * before[[3, 8]] + 0.5 * now, dim=1)
    torch.testing.assert_close(module.student_bank[[3, 8]], expected)
    changed = (module.student_bank != before).any(1)
    assert changed.nonzero().flatten().tolist() == [3, 8]


def test_looking_without_training_leaves_the_memory_alone():
    module = memory().eval()
    before = copy.deepcopy(module.state_dict())
    step(module, 0)
    assert all(module.state_dict()[name].equal(v) for name, v in before.items() if name != "scale")


def test_a_pair_that_belongs_together_costs_less():
    module = memory()
    module.scale.fill_(10.0)
    index = torch.tensor([0])
    mine, theirs = torch.randn(1, 5), torch.randn(1, 6)
    module.eval()
    far = module(mine, theirs, index)
    module.teacher_bank[0] = torch.nn.functional.normalize(module.student(mine), dim=1)[0]
    module.student_bank[0] = torch.nn.functional.normalize(module.teacher(theirs), dim=1)[0]
    assert module(mine, theirs, index) < far


def test_one_class_has_no_contrast():
    with pytest.raises(ConfigError) as caught:
        memory(torch.zeros(5, dtype=torch.int64))
    assert caught.value.code == "contrast_one_class"


def test_a_memory_that_is_too_large_is_refused_with_its_size(monkeypatch):
    kept = memory()
    held = sum(bank.nbytes for bank in (kept.student_bank, kept.teacher_bank))
    assert held == memory_bytes(len(CLASSES), 8)
    monkeypatch.setattr(feature_contrast, "MOST_BYTES", held - 1)
    with pytest.raises(ConfigError) as caught:
        memory()
    assert caught.value.code == "contrast_memory"
    assert caught.value.fields["size"] == held
