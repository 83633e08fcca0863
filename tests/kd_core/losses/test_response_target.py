import pytest
import torch
import torch.nn.functional as F

from kd_core.losses import LOSSES, Inputs
from kd_core.losses.response import softmax_kl
from kd_core.losses.response_target import decoupled_kl, normalised_ce, target_and_others
from tests.kd_core.losses.test_response import SHAPES, TEMPERATURES, logits


def with_targets(shape):
    student, teacher = logits(shape)
    generator = torch.Generator().manual_seed(1)
    return student, teacher, torch.randint(shape[1], (shape[0],), generator=generator)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_split_holds_the_softmax(shape):
    student, _, targets = with_targets(shape)
    pair, others = target_and_others(student, targets)
    p = student.softmax(1)
    torch.testing.assert_close(pair[:, 0].exp(), p.gather(1, targets[:, None])[:, 0])
    torch.testing.assert_close(pair.exp().sum(1), torch.ones(len(p), dtype=p.dtype))
    torch.testing.assert_close(others.exp().sum(1), torch.ones(len(p), dtype=p.dtype))
    wrong = [[v for k, v in enumerate(row) if k != y] for row, y in zip(p, targets, strict=True)]
    expected = torch.stack([torch.stack(row) for row in wrong])
    torch.testing.assert_close(others.exp() * pair[:, 1:].exp(), expected)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_decoupled_parts_add_up_to_soft_targets_with_gradient(shape, temperature):
    # KL(p ‖ q) = KL(b_t ‖ b_s) + (1 − p_t(y)) · KL(p̂_t ‖ p̂_s), image by image
    student, teacher, targets = with_targets(shape)
    sure = (teacher / temperature).softmax(1).gather(1, targets[:, None])[:, 0]
    ours = torch.stack(
        [
            decoupled_kl(
                student[i : i + 1], teacher[i : i + 1], targets[i : i + 1], temperature, 1.0, b
            )
            for i, b in enumerate((1 - sure).tolist())
        ]
    ).mean()
    whole = softmax_kl(student, teacher, temperature)
    torch.testing.assert_close(ours, whole)
    gradients = [torch.autograd.grad(loss, student)[0] for loss in (ours, whole)]
    torch.testing.assert_close(*gradients)


def by_masks(student, teacher, targets, temperature, a, b):
    """Another way to the same: probabilities, and −1000 on the true class of the logits."""
    mask = F.one_hot(targets, student.shape[1]).bool()
    q, p = ((z / temperature).softmax(1) for z in (student, teacher))
    two = [torch.stack([x[mask], 1 - x[mask]], 1) for x in (q, p)]
    first = F.kl_div(two[0].log(), two[1], reduction="batchmean")
    hidden = [z / temperature - 1000.0 * mask for z in (student, teacher)]
    second = F.kl_div(hidden[0].log_softmax(1), hidden[1].softmax(1), reduction="batchmean")
    return temperature**2 * (a * first + b * second)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("temperature", [1.0, 4.0, 20.0])
def test_decoupled_agrees_with_masked_logits_with_gradient(shape, temperature):
    student, teacher, targets = with_targets(shape)
    ours = decoupled_kl(student, teacher, targets, temperature, 1.0, 8.0)
    theirs = by_masks(student, teacher, targets, temperature, 1.0, 8.0)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)
    gradients = [torch.autograd.grad(loss, student)[0] for loss in (ours, theirs)]
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-7)


def test_two_classes_have_nothing_among_the_others():
    student, teacher, targets = with_targets((6, 2))
    half, full = (decoupled_kl(student, teacher, targets, 4.0, 1.0, b) for b in (0.0, 8.0))
    torch.testing.assert_close(half, full)
    torch.testing.assert_close(half, softmax_kl(student, teacher, 4.0))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_normalised_agrees_with_a_loop_over_probabilities(shape, temperature):
    student, teacher, targets = with_targets(shape)
    total = torch.zeros((), dtype=student.dtype)
    for z_s, z_t, y in zip(student, teacher, targets, strict=True):
        total = total - z_t.softmax(0)[y] * z_s.softmax(0)[y].log()
        q, p = ((z / temperature).softmax(0) for z in (z_s, z_t))
        for k in range(shape[1]):
            if k != y:
                term = p[k] / (1 - p[y]) * (q[k] / (1 - q[y])).log()
                total = total - 1.5 * temperature**2 * term
    theirs = total / shape[0]
    ours = normalised_ce(student, teacher, targets, temperature, 1.5)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)
    gradients = [torch.autograd.grad(loss, student)[0] for loss in (ours, theirs)]
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["dkd", "nkd"])
def test_entries_read_the_true_class(name):
    student, teacher, targets = with_targets((5, 4))
    entry = LOSSES[name]
    form = entry.forms["classification"]
    losses = [
        form(Inputs({"logits": student}, {"logits": teacher}, y), entry.defaults()).item()
        for y in (targets, (targets + 1) % 4)
    ]
    assert losses[0] != losses[1]
