"""What a network would weigh without some channels, from its sizes alone.

A layer that writes ``o`` channels from ``i`` at ``p`` positions with a kernel of ``k`` weights, in
``g`` groups, multiplies ``p · k · o · i / g`` times. Taking channels away changes ``o`` and ``i``;
nothing has to be cut or run to know the result.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor, nn

from kd_core.compress.prune_channels import ChannelGroup
from kd_core.compress.rebuild import channel_dim, is_depthwise
from kd_core.models import TaskModel
from kd_core.models.profile import profile


@dataclass(frozen=True)
class Layer:
    """One convolution or matrix product.

    Attributes:
        outputs: Channels written.
        inputs: Channels read.
        groups: Groups of the convolution; for a depthwise one, as many as channels.
        kernel: Weights of a kernel for one input channel.
        positions: Places of the map, or tokens, at which it is applied to one image.
        depthwise: Whether each channel has a filter of its own.
        bias: Whether there is one.
    """

    outputs: int
    inputs: int
    groups: int
    kernel: int
    positions: int
    depthwise: bool
    bias: bool

    def weights(self, fewer_outputs: int = 0, fewer_inputs: int = 0) -> int:
        """Weights without the bias, after some channels are gone."""
        outputs = self.outputs - fewer_outputs
        if self.depthwise:
            return outputs * self.kernel
        return outputs * (self.inputs - fewer_inputs) // self.groups * self.kernel


@dataclass(frozen=True)
class Sizes:
    """The sizes of a network.

    Attributes:
        layers: Its convolutions and linear layers, by path.
        others: Parameters of one channel of every other module and bare parameter that can be
            cut, by path.
        macs: Multiply-accumulates for one image.
        params: Parameters.
    """

    layers: Mapping[str, Layer]
    others: Mapping[str, int]
    macs: int
    params: int

    def without(
        self, chosen: Mapping[ChannelGroup, set[int]], what: Literal["macs", "params"]
    ) -> int:
        """MACs or parameters after some units are gone."""
        outputs: Counter[str] = Counter()
        inputs: Counter[str] = Counter()
        for group, units in chosen.items():
            for one in group.cuts:
                fewer = len(one.positions) // group.units * len(units)
                (inputs if one.side == "in" else outputs)[one.path] += fewer
        gone = 0
        for path in outputs.keys() | inputs.keys():
            layer = self.layers.get(path)
            if layer is None:
                gone += self.others[path] * outputs[path] if what == "params" else 0
                continue
            weights = layer.weights() - layer.weights(outputs[path], inputs[path])
            gone += weights * layer.positions if what == "macs" else weights
            gone += outputs[path] if what == "params" and layer.bias else 0
        return (self.macs if what == "macs" else self.params) - gone


def sizes_of(model: TaskModel) -> Sizes:
    """The sizes of a network, seen in one pass of one image."""
    positions: Counter[str] = Counter()
    layers: dict[str, nn.Module] = {
        path: module
        for path, module in model.network.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    }
    handles = []
    for path, module in layers.items():

        def hook(module: Any, inputs: Any, output: Tensor, path: str = path) -> None:
            last = output.shape[1] if isinstance(module, nn.Conv2d) else output.shape[-1]
            positions[path] += output.numel() // last

        handles.append(module.register_forward_hook(hook))
    whole = profile(model, model.spec.channels, model.spec.size)
    for handle in handles:
        handle.remove()
    return Sizes(
        layers={path: _layer(module, positions[path]) for path, module in layers.items()},
        others=_others(model.network, layers),
        macs=whole.macs,
        params=whole.params,
    )


def _layer(module: Any, positions: int) -> Layer:
    if isinstance(module, nn.Linear):
        outputs, inputs = module.out_features, module.in_features
        return Layer(outputs, inputs, 1, 1, positions, False, module.bias is not None)
    return Layer(
        outputs=module.out_channels,
        inputs=module.in_channels,
        groups=module.groups,
        kernel=math.prod(module.kernel_size),
        positions=positions,
        depthwise=is_depthwise(module),
        bias=module.bias is not None,
    )


def _others(network: nn.Module, layers: Mapping[str, nn.Module]) -> dict[str, int]:
    others = {}
    for path, module in network.named_modules():
        if path not in layers:
            own = [p for p in module.parameters(recurse=False) if p.ndim == 1]
            others[path] = len(own)
    for path, tensor in network.named_parameters():
        if path.rpartition(".")[0] not in layers and tensor.ndim:
            others[path] = tensor.numel() // tensor.shape[channel_dim(tensor)]
    return others
