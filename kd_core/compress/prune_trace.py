"""Channel groups as torch-pruning's dependency graph sees them, made into plain data.

Groups that pass through an operation in which channels lose their identity are left out, and so
is the layer that makes the outputs.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import Any

import torch_pruning
from torch import Tensor, nn
from torch_pruning.ops import OPTYPE

from kd_core.compress.prune_channels import ChannelGroup, Cut
from kd_core.compress.rebuild import Side, is_depthwise

FOLLOWED = {
    OPTYPE.CONV,
    OPTYPE.DEPTHWISE_CONV,
    OPTYPE.LINEAR,
    OPTYPE.BN,
    OPTYPE.LN,
    OPTYPE.PARAMETER,
    OPTYPE.CONCAT,
    OPTYPE.ELEMENTWISE,
    OPTYPE.RESHAPE,
}
"""Operations through which a channel keeps its identity. Attention heads, splits and mixtures of
channels are not among them."""

LAYERS = (OPTYPE.CONV, OPTYPE.DEPTHWISE_CONV, OPTYPE.LINEAR, OPTYPE.BN, OPTYPE.LN)

# What the tracing raises for networks that it does not understand.
TRACE_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)


def trace(network: nn.Module, images: Tensor) -> Iterator[ChannelGroup]:
    """Groups of a network as torch-pruning sees them, without those that it cannot follow."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = torch_pruning.DependencyGraph()
        graph.build_dependency(network, images, verbose=False)
        found = list(graph.get_all_groups())
    paths = {id(module): path for path, module in network.named_modules()}
    paths |= {id(tensor): path for path, tensor in network.named_parameters()}
    for group in found:
        if all(item.dep.target.type in FOLLOWED for item in group) and not _is_output(group):
            made = _group(network, group, paths, graph)
            if made is not None:
                yield made


def _is_output(group: Any) -> bool:
    """Whether a layer of the group writes what nobody reads: the network's output."""
    return any(
        not item.dep.target.outputs
        or any(node.type == OPTYPE.OUTPUT for node in item.dep.target.outputs)
        for item in group
        if item.dep.target.type in LAYERS and _side(item) == "out"
    )


def _side(item: Any) -> Side:
    if item.dep.target.type == OPTYPE.PARAMETER:
        return "parameter"
    return "in" if item.dep.handler.__name__ == "prune_in_channels" else "out"


def _group(
    network: nn.Module, group: Any, paths: dict[int, str], graph: Any
) -> ChannelGroup | None:
    """The group as plain data; ``None`` where a channel's way is not known."""
    cuts = []
    for item in group:
        kind = item.dep.target.type
        if kind not in (*LAYERS, OPTYPE.PARAMETER):
            continue
        path = paths.get(id(item.dep.target.module))
        if path is None or any(channel is None for channel in item.root_idxs):
            return None
        cuts.append(Cut(path, _side(item), tuple(item.idxs), tuple(item.root_idxs)))
    channels = len(group[0].idxs)
    blocks = _blocks(network, cuts, channels)
    if blocks is None:
        return None
    order = {path: number for number, (path, _) in enumerate(network.named_modules())}
    writers = [
        one.path
        for one in cuts
        if one.side == "out" and isinstance(network.get_submodule(one.path), nn.Conv2d | nn.Linear)
    ]
    dense = [path for path in writers if not is_depthwise(network.get_submodule(path))]
    return ChannelGroup(min(dense or writers, key=order.__getitem__), channels, blocks, tuple(cuts))


def _blocks(network: nn.Module, cuts: list[Cut], channels: int) -> int | None:
    """Into how many equal blocks grouped convolutions divide the channels; ``None``: unclear."""
    blocks = 1
    for one in cuts:
        module = None if one.side == "parameter" else network.get_submodule(one.path)
        if not isinstance(module, nn.Conv2d) or module.groups == 1 or is_depthwise(module):
            continue
        if one.positions != one.channels or len(one.positions) != channels:
            return None
        if module.groups == module.in_channels:  # several filters a channel
            return None
        blocks = math.lcm(blocks, module.groups)
    return blocks if channels % blocks == 0 else None
