"""Which layer of a student learns from which layer of its teacher.

    teacher  layer1 32 px   layer2 16 px   layer3 8 px   layer4 4 px
                │              │              │             │
    student  features.1     features.3     features.8    features.11
               32 px          16 px          8 px          4 px

Stages are paired where their maps have the same side, in order, and the last always with the last,
because what the heads read is there. Where one of the networks has no stages of resolution (a
vision transformer keeps its grid from the first block to the last), stages are paired evenly by
depth instead.
"""

from __future__ import annotations

import difflib
import functools
import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn

from kd_core.errors import ModelError
from kd_core.models.build import get_spec
from kd_core.models.features import channels_first, features, propose_layers
from kd_core.models.task_model import TaskModel

Pairs = tuple[tuple[str, str], ...]
"""Module paths, (teacher's, student's), finest first."""

SKIPPED = 0.6
"""What it costs to leave a stage unpaired, in halvings of the side: a stage is rather paired with
one of half its side (1) than both are left out (1.2), but rather left out than shifted twice."""


def propose_pairs(
    teacher: nn.Module,
    student: nn.Module,
    channels: int,
    size: int,
    layers: Literal["last", "stages"] = "last",
) -> Pairs:
    """Pairs of layers at matching stages of resolution.

    Args:
        teacher: A network.
        student: Another, of any architecture.
        channels: Channels of the images that both see.
        size: Side of the images in pixels.
        layers: The ``last`` stage only, or all ``stages`` that match.

    Raises:
        ModelError: ``layers_none`` for a network in which no stage can be found.
    """
    ours = [stages(network, channels, size) for network in (teacher, student)]
    for network, found in zip((teacher, student), ours, strict=True):
        if not found:
            raise ModelError("layers_none", network=type(plain(network)).__name__)
    (*of_teacher, last_of_teacher), (*of_student, last_of_student) = ours
    last = ((last_of_teacher[0], last_of_student[0]),)
    if layers == "last":
        return last
    if any(len({side for _, side in found}) < 2 < len(found) for found in ours):
        matched = _evenly(len(of_teacher), len(of_student))
    else:
        sides = [tuple(side for _, side in found) for found in (of_teacher, of_student)]
        matched = _by_side(*sides)
    return (*((of_teacher[i][0], of_student[j][0]) for i, j in matched), *last)


def check_pairs(
    teacher: nn.Module, student: nn.Module, pairs: Pairs, channels: int, size: int
) -> None:
    """Raise what keeps a person's own pairs from being read.

    Raises:
        ModelError: ``teacher_layer_unknown`` or ``student_layer_unknown`` with the nearest paths,
            ``layer_silent`` for a layer that no image passes, ``layer_no_tensor``, or
            ``layer_flat`` for one without positions, such as the answer itself.
    """
    for side, network in enumerate((teacher, student)):
        paths = [pair[side] for pair in pairs]
        known = [name for name, _ in plain(network).named_modules() if name]
        for path in paths:
            if path not in known:
                near = difflib.get_close_matches(path, known, n=3, cutoff=0.3) or known[:3]
                raise ModelError(
                    "student_layer_unknown" if side else "teacher_layer_unknown",
                    layer=path,
                    near=near,
                )
        for path, shape in zip(paths, shapes(network, paths, channels, size), strict=True):
            if len(shape) not in (2, 3):
                raise ModelError("layer_flat", layer=path, shape=list(shape))


def shapes(
    network: nn.Module, paths: Sequence[str], channels: int, size: int
) -> tuple[tuple[int, ...], ...]:
    """Shape of what each layer gives for one image: (C, H, W), or (T, D) in transformers.

    The pass draws nothing and moves no statistics: the network is in evaluation mode during it.

    Raises:
        ModelError: ``layer_unknown``, ``layer_no_tensor``, or ``layer_silent``.

    >>> net = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.ReLU())
    >>> shapes(net, ["0"], channels=3, size=9)
    ((8, 4, 4),)
    """
    if not paths:
        return ()
    modes = {module: module.training for module in network.modules()}
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    try:
        with torch.no_grad(), features(network, list(dict.fromkeys(paths))) as caught:
            network.eval()(torch.zeros(1, channels, size, size, device=device))
    finally:
        for module, training in modes.items():
            module.training = training
    silent = [path for path in paths if path not in caught]
    if silent:
        raise ModelError("layer_silent", layer=silent[0])
    return tuple(tuple(channels_first(caught[path]).shape[1:]) for path in paths)


def stages(network: nn.Module, channels: int, size: int) -> list[tuple[str, float]]:
    """Layers where features are usually read, finest first, and the side of their maps in cells.

    They are those of the network's registry entry as far as the network still has them, and else
    what :func:`~kd_core.models.features.propose_layers` finds.
    """
    listed = get_spec(network.spec.name).layers if isinstance(network, TaskModel) else ()
    known = dict(plain(network).named_modules())
    paths = [path for path in listed if path in known]
    if not paths:
        paths = list(propose_layers(network, channels, size))
    found = zip(paths, shapes(network, paths, channels, size), strict=True)
    return [(path, _side(shape)) for path, shape in found if len(shape) in (2, 3)]


def plain(network: nn.Module) -> nn.Module:
    """The network whose module paths count."""
    return network.network if isinstance(network, TaskModel) else network


def _side(shape: tuple[int, ...]) -> float:
    """Cells along one side, of a map or of the square that tokens were cut from."""
    return float(shape[-1]) if len(shape) == 3 else math.sqrt(shape[0])


def _evenly(n: int, m: int) -> list[tuple[int, int]]:
    """As many pairs as the shorter list has, spread over the longer one.

    >>> _evenly(3, 3), _evenly(2, 5)
    ([(0, 0), (1, 1), (2, 2)], [(0, 0), (1, 4)])
    """
    pairs = min(n, m)
    where = [k / max(1, pairs - 1) for k in range(pairs)]
    return [(round(x * (n - 1)), round(x * (m - 1))) for x in where]


def _by_side(first: tuple[float, ...], second: tuple[float, ...]) -> list[tuple[int, int]]:
    """Pairs in order that together are least apart in side, by dynamic programming.

    Cost of a pair: |log₂(side / side)|, halvings; of a stage without a partner: ``SKIPPED``.

    >>> _by_side((32, 16, 8), (64, 32, 16))
    [(0, 1), (1, 2)]
    """

    @functools.cache
    def best(i: int, j: int) -> tuple[float, tuple[tuple[int, int], ...]]:
        if i == len(first) or j == len(second):
            return SKIPPED * (len(first) - i + len(second) - j), ()
        apart = abs(math.log2(first[i] / second[j]))
        cost, pairs = best(i + 1, j + 1)
        choices = [(apart + cost, ((i, j), *pairs))]
        choices += [(SKIPPED + best(a, b)[0], best(a, b)[1]) for a, b in ((i + 1, j), (i, j + 1))]
        return min(choices, key=lambda choice: choice[0])

    return list(best(0, 0)[1])
