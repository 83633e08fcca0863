"""How much a channel matters: one formula a method, summed over all the layers that it touches.

Every formula gives one number for each position of one end of a group (a filter that writes the
channel, the weights that read it, its batch-norm scale). A channel's score is the mean over the
ends, and scores are divided by their mean in the group, so that groups can be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from kd_core.compress.prune_channels import ChannelGroup, Cut

Gradients = Mapping[str, Tensor]
"""By parameter name: what Taylor's or Hessian's formula multiplies the weights with."""

Local = Callable[[Tensor, Tensor | None], Tensor]
"""(weights (n, m) of n positions, their gradients likewise) to one number a position, (n,)."""

Scores = dict[ChannelGroup, np.ndarray]
"""One score a unit, float64 (units,); higher matters more."""


def l1(w: Tensor, g: Tensor | None = None) -> Tensor:
    """``Σ |w|`` (Li et al. 2017).

    >>> l1(torch.tensor([[1.0, -2.0], [0.0, 0.5]])).tolist()
    [3.0, 0.5]
    """
    return w.abs().sum(1)


def l2(w: Tensor, g: Tensor | None = None) -> Tensor:
    """``Σ w²``; over a whole group it is the group norm (Fang et al. 2023).

    >>> l2(torch.tensor([[1.0, -2.0], [0.0, 0.5]])).tolist()
    [5.0, 0.25]
    """
    return w.square().sum(1)


def taylor(w: Tensor, g: Tensor | None) -> Tensor:
    """``Σ |w · ∂L/∂w|``, the loss's first-order change without the weights (Molchanov et al. 2019).

    >>> taylor(torch.tensor([[1.0, -2.0]]), torch.tensor([[0.5, 0.25]])).tolist()
    [1.0]
    """
    assert g is not None
    return (w * g).abs().sum(1)


def hessian(w: Tensor, g: Tensor | None) -> Tensor:
    """``Σ w² · E[(∂L/∂w)²]``, second order with the Fisher diagonal (LeCun et al. 1989).

    >>> hessian(torch.tensor([[1.0, -2.0]]), torch.tensor([[0.5, 0.25]])).tolist()
    [1.5]
    """
    assert g is not None  # already the mean of squares over images
    return (w.square() * g).sum(1)


def fpgm(w: Tensor, g: Tensor | None = None) -> Tensor:
    """``Σ_j ‖w_i − w_j‖``: a filter near all others can be replaced by them (He et al. 2019).

    >>> fpgm(torch.tensor([[0.0], [0.0], [3.0]])).tolist()
    [3.0, 3.0, 6.0]
    """
    return torch.cdist(w, w).sum(1)


def lamp(scores: np.ndarray) -> np.ndarray:
    """Each score over the sum of all that are not smaller in its group (Lee et al. 2021).

    >>> lamp(np.array([3.0, 1.0, 4.0])).round(3).tolist()
    [0.429, 0.125, 1.0]
    """
    order = np.argsort(scores, kind="stable")
    remaining = scores.sum() - np.concatenate([[0.0], np.cumsum(scores[order])[:-1]])
    result = np.empty_like(scores)
    result[order] = scores[order] / np.maximum(remaining, np.finfo(float).tiny)
    return result


def by_mean(scores: np.ndarray) -> np.ndarray:
    """Scores over their mean; all zeros stay zeros."""
    mean = float(scores.mean())
    return scores / mean if mean > 0 else scores


def score_groups(
    network: nn.Module,
    groups: tuple[ChannelGroup, ...],
    local: Local,
    kinds: tuple[type[nn.Module], ...] = (nn.Conv2d, nn.Linear, _BatchNorm, nn.LayerNorm),
    normalise: Callable[[np.ndarray], np.ndarray] = by_mean,
    gradients: Gradients | None = None,
) -> Scores:
    """One score for each unit of each group.

    Args:
        network: The network whose groups these are.
        groups: The groups.
        local: The formula.
        kinds: Modules that have a say. A group without any gets no scores.
        normalise: Makes the scores of different groups comparable.
        gradients: By parameter name, for formulas that need them.

    Returns:
        Scores of the groups that have any.
    """
    scores: Scores = {}
    for group in groups:
        ends = [
            (one, local(*_weights(network, one, gradients)).double().numpy())
            for one in group.cuts
            if _has_say(network, one, kinds)
        ]
        if not ends:
            continue
        sums = np.zeros(group.channels)
        for one, values in ends:
            np.add.at(sums, np.asarray(one.channels), values)
        units = (sums / len(ends)).reshape(group.blocks, group.units).mean(0)
        scores[group] = normalise(units)
    return scores


def random_scores(groups: tuple[ChannelGroup, ...], seed: int) -> Scores:
    """Scores that mean nothing, drawn by seed: the control that a method has to beat."""
    rng = np.random.default_rng(seed)
    return {group: rng.random(group.units) for group in groups}


def _has_say(network: nn.Module, one: Cut, kinds: tuple[type[nn.Module], ...]) -> bool:
    if one.side == "parameter":
        return False
    module = network.get_submodule(one.path)
    return isinstance(module, kinds) and isinstance(module.weight, Tensor)


def _weights(
    network: nn.Module, one: Cut, gradients: Gradients | None
) -> tuple[Tensor, Tensor | None]:
    """The weights at one end, (positions, others), and their gradients where there are any."""
    module: Any = network.get_submodule(one.path)
    gradient = None if gradients is None else gradients[f"{one.path}.weight"]
    return (
        _rows(module, module.weight.detach(), one),
        None if gradient is None else _rows(module, gradient, one),
    )


def _rows(module: nn.Module, tensor: Tensor, one: Cut) -> Tensor:
    if one.side == "in":
        tensor = tensor.transpose(0, 1)  # (in / groups, out, …)
        groups = module.groups if isinstance(module, nn.Conv2d) else 1
        if groups > 1:  # input p is read by the filters of its own group only
            tensor = torch.cat(tensor.chunk(groups, dim=1))  # (in, out / groups, …)
    chosen = tensor[torch.tensor(one.positions)].float().cpu()
    return chosen.reshape(len(chosen), -1)
