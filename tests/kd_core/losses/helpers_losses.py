"""Small inputs for every kind of loss, in double precision."""

import torch

from kd_core.losses import LOSSES, Inputs
from kd_core.losses.spec import Shapes

MAPS = (((6, 8, 8), (8, 4, 4), (12, 2, 2)), ((10, 8, 8), (8, 4, 4), (16, 2, 2)))
"""Features of three stages, the student's and the teacher's: other widths, the same sizes."""


def targets_for(task: str, n: int, k: int, generator: torch.Generator) -> torch.Tensor:
    """Classes of which each occurs, or labels of which one is not known."""
    if task == "classification":
        return torch.arange(n) % k
    labels = torch.randint(0, 2, (n, k), generator=generator).double()
    labels[0, 0] = torch.nan
    return labels


def inputs_for(name, task, n=6, k=4, shapes=MAPS, dtype=torch.float64, params=None, seed=0):
    """Inputs with everything that a loss may look at; only what is the student's has a gradient.

    Returns:
        The inputs, and the student's tensors that must get a gradient.
    """
    generator = torch.Generator().manual_seed(seed)
    entry = LOSSES[name]
    kept = [each[-1:] if entry.layers == "last" else each for each in shapes]

    def draw(*shape):
        return torch.randn(shape, generator=generator, dtype=dtype)

    logits = [2 * draw(n, k), 2 * draw(n, k)]
    student, teacher = ([draw(n, *shape) for shape in each] for each in kept)
    learns = [logits[0], *student] if entry.needs in ("features", "own") else logits[:1]
    for tensor in learns:
        tensor.requires_grad_()
    targets = targets_for(task, n, k, generator)
    helper = None
    if entry.helper is not None:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            values = entry.check(params or {})
            helper = entry.helper(Shapes(*kept, targets=targets, outputs=k), values)
            helper = helper if helper is None else helper.to(dtype)
    inside = entry.needs in ("features", "own")
    inputs = Inputs(
        {"logits": logits[0]},
        {"logits": logits[1]} if entry.needs in ("logits", "features") else {},
        targets,
        torch.arange(n),
        tuple(student) if inside else (),
        tuple(teacher) if entry.needs == "features" else (),
        helper,
    )
    return inputs, [t for t in learns if inside or t is logits[0]]
