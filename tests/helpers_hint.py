"""A tiny feature loss with everything that one may have, for tests of what carries it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kd_core.losses import Inputs, LossSpec
from kd_core.losses.spec import Shapes
from kd_core.registry import Param


class Projection(nn.Module):
    """A projection, a memory of the images that were seen, and noise."""

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        sizes = zip(shapes.student, shapes.teacher, strict=True)
        self.layers = nn.ModuleList(nn.Conv2d(s[0], t[0], 1) for s, t in sizes)
        self.memory: Tensor
        self.register_buffer("memory", torch.zeros(len(shapes.targets)))


def hint(inputs: Inputs, params: Mapping[str, Any]) -> Tensor:
    """Mean squared difference of projected features with a little noise, and a memory term."""
    helper = inputs.helper
    assert isinstance(helper, Projection)
    assert inputs.index is not None
    loss = torch.zeros(())
    for layer, ours, theirs in zip(
        helper.layers, inputs.student_features, inputs.teacher_features, strict=True
    ):
        target = F.adaptive_avg_pool2d(theirs, ours.shape[2:])
        noise = params["noise"] * torch.randn(1, device=ours.device)
        loss = loss + (layer(ours) - target + noise).square().mean()
    index = inputs.index.to(helper.memory.device)
    seen = helper.memory[index].mean()
    helper.memory[index] += 1
    return loss * (1 + 0.1 * seen)


def hint_spec(**changes: Any) -> LossSpec:
    """The entry; ``pooled``, ``layers``, … may be changed."""
    settings: dict[str, Any] = {
        "family": "feature",
        "forms": {"classification": hint, "multilabel": hint},
        "needs": "features",
        "helper": lambda shapes, params: Projection(shapes),
        "params": (Param("noise", "float", 0.01, low=0.0, high=1.0),),
        "source": "a test",
    }
    return LossSpec(**{**settings, **changes})
