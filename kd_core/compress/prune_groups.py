"""Which channels must go together.

A channel of one layer is read by others: taking it out of a convolution takes it out of the batch
norm behind it, of every layer that reads it, and, where shortcuts add, of every layer that writes
to the same sum. Such a set is a :class:`ChannelGroup`. The sets are found by torch-pruning's
dependency graph (Fang et al. 2023); what follows from them is our own.

A network that the graph cannot follow as a whole (ShuffleNetV2 mixes channels) is followed inside
its plain ``nn.Sequential`` blocks, whose inner channels nobody else reads, and between its last
convolution and its output layer.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from kd_core.compress.prune_channels import ChannelGroup, Cut, remove
from kd_core.compress.prune_trace import TRACE_ERRORS, trace
from kd_core.compress.rebuild import is_depthwise
from kd_core.models import TaskModel


def find_groups(model: TaskModel) -> tuple[ChannelGroup, ...]:
    """The groups of a network in the order of its layers; the output layer is in none.

    Each group was tried: the network still runs without one unit of it.

    Args:
        model: The network; it stays as it is.
    """
    network = copy.deepcopy(model.network).cpu().eval().requires_grad_(True)
    spec = model.spec
    images = torch.randn(
        1, spec.channels, spec.size, spec.size, generator=torch.Generator().manual_seed(0)
    )
    try:
        groups = list(trace(network, images))
    except TRACE_ERRORS:
        groups = [*_trace_blocks(network, images), *_tail(network, images)]
    order = {name: number for number, (name, _) in enumerate(network.named_modules())}
    groups = [group for group in groups if group.units > 1]
    groups.sort(key=lambda group: order[group.name])
    if groups and not _runs(network, images, groups):
        groups = [group for group in groups if _runs(network, images, [group])]
    return tuple(groups)


# --- networks that cannot be followed as a whole ------------------------------------------------


def _trace_blocks(network: nn.Module, images: Tensor) -> Iterator[ChannelGroup]:
    """Groups inside each outermost plain ``nn.Sequential`` that can be followed by itself."""
    done: list[str] = []
    for path, inputs in _inputs_of_blocks(network, images).items():
        if any(path.startswith(f"{outer}.") for outer in done):
            continue
        block = network.get_submodule(path)
        try:
            groups = list(trace(block, inputs))
        except TRACE_ERRORS:
            continue
        done.append(path)
        for group in groups:
            if is_depthwise(block.get_submodule(group.name)):
                continue  # its inputs come from outside the block
            cuts = tuple(replace(one, path=f"{path}.{one.path}") for one in group.cuts)
            yield replace(group, name=f"{path}.{group.name}", cuts=cuts)


def _tail(network: nn.Module, images: Tensor) -> list[ChannelGroup]:
    """The channels between the last convolution and the output layer, where that is what they are.

    It is guessed from sizes and then proved: with random weights, the network without half of
    them must answer as the network in which the same half is silent.
    """
    layers = [(p, m) for p, m in network.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    if len(layers) < 2 or not isinstance(layers[-1][1], nn.Linear):
        return []
    (writer, conv), (reader, head) = layers[-2:]
    assert isinstance(head, nn.Linear)
    n = head.in_features
    if not isinstance(conv, nn.Conv2d) or conv.out_channels != n or conv.groups != 1:
        return []
    paths = [path for path, _ in network.named_modules()]
    after = paths[paths.index(writer) :]
    norms = [
        path
        for path in after
        if isinstance(module := network.get_submodule(path), nn.BatchNorm2d)
        and module.num_features == n
    ]
    every = tuple(range(n))
    cuts = [Cut(path, "out", every, every) for path in (writer, *norms)]
    group = ChannelGroup(writer, n, 1, (*cuts, Cut(reader, "in", every, every)))
    return [group] if _proved(network, images, group) else []


@torch.no_grad()
def _proved(network: nn.Module, images: Tensor, group: ChannelGroup) -> bool:
    """Whether taking half of a group out is the same as silencing it where it is written."""
    generator = torch.Generator().manual_seed(0)
    silent = copy.deepcopy(network)
    for tensor in silent.parameters():
        tensor.normal_(0, 0.1, generator=generator)
    without = copy.deepcopy(silent)
    half = set(range(0, group.units, 2))
    for (path, side), positions in group.drops(half).items():
        module: Any = silent.get_submodule(path)
        for tensor in (module.weight, module.bias) if side == "out" else ():
            if tensor is not None:
                tensor[sorted(positions)] = 0
    try:
        remove(without, {group: half})
        expected, given = silent(images), without(images)
    except TRACE_ERRORS:
        return False
    return bool(torch.allclose(given, expected, rtol=1e-3, atol=1e-5 * float(expected.abs().max())))


def _inputs_of_blocks(network: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """What goes into each plain ``nn.Sequential``, in the order of the modules."""
    inputs: dict[str, Tensor] = {}
    blocks = {p: m for p, m in network.named_modules() if type(m) is nn.Sequential}
    handles = []
    for path, block in blocks.items():

        def hook(module: nn.Module, given: Any, path: str = path) -> None:
            inputs[path] = given[0].detach()

        handles.append(block.register_forward_pre_hook(hook))
    with torch.no_grad():
        network(images)
    for handle in handles:
        handle.remove()
    return {path: inputs[path] for path in blocks if path in inputs}


def _runs(network: nn.Module, images: Tensor, groups: list[ChannelGroup]) -> bool:
    """Whether the network still gives outputs of the same shape without one unit of each group."""
    trial = copy.deepcopy(network)
    try:
        remove(trial, {group: {0} for group in groups})
        with torch.no_grad():
            return bool(trial(images).shape == network(images).shape)
    except TRACE_ERRORS:
        return False
