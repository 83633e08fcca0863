"""Which channels must go together.

A channel of one layer is read by others: taking it out of a convolution takes it out of the batch
norm behind it, of every layer that reads it, and, where shortcuts add, of every layer that writes
to the same sum. Such a set is a :class:`ChannelGroup`. The sets are found by torch-pruning's
dependency graph (Fang et al. 2023); what follows from them is our own.

A network that the graph cannot follow as a whole (ShuffleNetV2 mixes channels) is followed inside
its plain ``nn.Sequential`` blocks, whose inner channels nobody else reads.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch_pruning
from torch import Tensor, nn
from torch_pruning.ops import OPTYPE

from kd_core.compress.rebuild import Side, cut, is_depthwise
from kd_core.models import TaskModel

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


@dataclass(frozen=True)
class Cut:
    """One end of a group: where its channels are in one layer.

    Attributes:
        path: Of the module, or of a bare parameter.
        side: Outputs, inputs, or the parameter itself.
        positions: Positions on that side.
        channels: The group's channel that each position belongs to, as long as ``positions``.
    """

    path: str
    side: Side
    positions: tuple[int, ...]
    channels: tuple[int, ...]


@dataclass(frozen=True)
class ChannelGroup:
    """Channels that can be taken out, each from all its layers at once.

    Attributes:
        name: Path of the first layer that writes them.
        channels: How many there are.
        blocks: Where a grouped convolution reads or writes them: its number of groups, each of
            which must lose the same channels; else 1.
        cuts: Where they are.
    """

    name: str
    channels: int
    blocks: int
    cuts: tuple[Cut, ...]

    @property
    def units(self) -> int:
        """How many choices there are: channels that go together count as one."""
        return self.channels // self.blocks

    def drops(self, units: set[int]) -> dict[tuple[str, Side], set[int]]:
        """What :func:`kd_core.compress.rebuild.cut` has to take out, for these units."""
        return {
            (one.path, one.side): {
                position
                for position, channel in zip(one.positions, one.channels, strict=True)
                if channel % self.units in units
            }
            for one in self.cuts
        }


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
        groups = list(_trace(network, images))
    except TRACE_ERRORS:
        groups = list(_trace_blocks(network, images))
    order = {name: number for number, (name, _) in enumerate(network.named_modules())}
    groups = [group for group in groups if group.units > 1]
    groups.sort(key=lambda group: order[group.name])
    if groups and not _runs(network, images, groups):
        groups = [group for group in groups if _runs(network, images, [group])]
    return tuple(groups)


# --- tracing ------------------------------------------------------------------------------------


def _trace(network: nn.Module, images: Tensor) -> Iterator[ChannelGroup]:
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


def _trace_blocks(network: nn.Module, images: Tensor) -> Iterator[ChannelGroup]:
    """Groups inside each outermost plain ``nn.Sequential`` that can be followed by itself."""
    done: list[str] = []
    for path, inputs in _inputs_of_blocks(network, images).items():
        if any(path.startswith(f"{outer}.") for outer in done):
            continue
        block = network.get_submodule(path)
        try:
            groups = list(_trace(block, inputs))
        except TRACE_ERRORS:
            continue
        done.append(path)
        for group in groups:
            if is_depthwise(block.get_submodule(group.name)):
                continue  # its inputs come from outside the block
            cuts = tuple(replace(one, path=f"{path}.{one.path}") for one in group.cuts)
            yield replace(group, name=f"{path}.{group.name}", cuts=cuts)


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


def _runs(network: nn.Module, images: Tensor, groups: list[ChannelGroup]) -> bool:
    """Whether the network still gives outputs of the same shape without one unit of each group."""
    trial = copy.deepcopy(network)
    try:
        remove(trial, {group: {0} for group in groups})
        with torch.no_grad():
            return bool(trial(images).shape == network(images).shape)
    except TRACE_ERRORS:
        return False


def remove(network: nn.Module, chosen: Mapping[ChannelGroup, set[int]]) -> None:
    """Take units of several groups out of a network, in place.

    Args:
        network: The network whose groups these are.
        chosen: Units to take out, by group.
    """
    drops: dict[tuple[str, Side], set[int]] = {}
    for group, units in chosen.items():
        for place, positions in group.drops(units).items():
            drops.setdefault(place, set()).update(positions)
    cut(network, drops)
