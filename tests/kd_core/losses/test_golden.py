"""Every loss against its reference: the value, and the gradient at everything of the student's."""

import pytest
import torch

from kd_core.losses import LOSSES
from tests.helpers_readme import README
from tests.kd_core.losses.golden import BLOCK, GOLDEN, golden_of, in_numpy, table
from tests.kd_core.losses.helpers_losses import inputs_for

# images, outputs, and the two networks' features: equal sizes, a larger student, a larger teacher
SHAPES = [
    (4, 3, (((3, 4, 4), (4, 2, 2)), ((5, 4, 4), (4, 2, 2)))),
    (6, 4, (((2, 6, 6), (4, 4, 4), (5, 4, 4)), ((3, 3, 3), (4, 4, 4), (6, 2, 2)))),
    (5, 2, (((4, 2, 2),), ((3, 4, 4),))),
]
STEP = 1e-6
CASES = [(name, task) for name, entry in LOSSES.items() for task in entry.forms]


def moved_by(learns, direction, step):
    return [(x, x.detach() + step * d) for x, d in zip(learns, direction, strict=True)]


@pytest.mark.parametrize(("n", "k", "shapes"), SHAPES, ids=["equal", "larger", "smaller"])
@pytest.mark.parametrize(("name", "task"), CASES)
def test_value_and_gradient_agree_to_a_hundred_thousandth(name, task, n, k, shapes):
    golden, entry = golden_of(name, task), LOSSES[name]
    params = entry.check({"negatives": 7} if name == "crd" else {})
    inputs, learns = inputs_for(name, task, n, k, shapes, params=params, seed=n)
    theirs = golden.torch(inputs, params) if golden.torch else None
    ours = entry.forms[task](inputs, params)
    gradient = torch.autograd.grad(ours, learns, materialize_grads=True)
    if golden.torch:
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-9)
        other = torch.autograd.grad(theirs, learns, materialize_grads=True)
        for mine, their in zip(gradient, other, strict=True):
            torch.testing.assert_close(mine, their, rtol=1e-5, atol=1e-8)
        return
    at = in_numpy(inputs)
    assert ours.item() == pytest.approx(golden.loops(at, params, at), rel=1e-5, abs=1e-9)
    generator = torch.Generator().manual_seed(1)
    for _ in range(4):  # a slope along four directions through all numbers of the student
        ways = [torch.randn(x.shape, generator=generator, dtype=x.dtype) for x in learns]
        up, down = (
            golden.loops(in_numpy(inputs, moved_by(learns, ways, step)), params, at)
            for step in (STEP, -STEP)
        )
        mine = sum((g * d).sum().item() for g, d in zip(gradient, ways, strict=True))
        assert mine == pytest.approx((up - down) / (2 * STEP), rel=1e-5, abs=1e-7)


def test_every_form_has_a_reference_and_no_reference_is_left_over():
    assert all(golden_of(*case) for case in CASES)
    assert set(GOLDEN) <= set(CASES)


def test_the_readme_has_the_golden_table():
    (written,) = (match[2] for match in BLOCK.finditer(README.read_text(encoding="utf-8")))
    assert written == table(), "write it again with: python -m tests.kd_core.losses.golden"
