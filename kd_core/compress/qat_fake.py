"""Fake quantisation: a network that trains in float and already feels the rounding of INT8.

Every tensor that the INT8 writer would quantise is rounded to its 8-bit grid in the forward pass;
in the backward pass rounding counts as the identity (straight-through, Bengio et al. 2013). Where
the grid lies is found while training: ``moving`` follows the extremes of activations with torchao's
moving-average observer; ``learned`` trains the scale by the loss (LSQ, Esser et al. 2020).
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from onnx import ModelProto, numpy_helper
from torch import Tensor, nn

from kd_core.compress.qat_graph import KIND, GraphNet, safe, unsafe
from kd_core.compress.quantise_calibrate import Ranges
from kd_core.compress.quantise_graph import tensors
from kd_core.compress.quantise_qdq import Scheme, quiet, write_qdq
from kd_core.models import TaskModel
from kd_core.models.task_model import NetworkSpec

with quiet():  # torchao warns about torch's own deprecations
    from torchao.quantization.pt2e import (
        FakeQuantize,
        MovingAverageMinMaxObserver,
        MovingAveragePerChannelMinMaxObserver,
    )

FOLLOW = 0.01  # of the distance to a batch's extremes that a moving range goes, as torch does
CURRENT = 1.0  # weights: their extremes now


class LearnedRange(nn.Module):
    """Rounds to a grid whose scale is trained: ``scale = start · exp(growth)``.

    The exponent keeps the scale positive and makes a step of the optimiser a relative one. With
    ``growth = 0`` it is the rounding of QuantizeLinear and DequantizeLinear, bit for bit.

    Args:
        start: Scale to begin with.
        zero_point: Integer that stands for 0; it stays.
        low: Smallest integer.
        high: Largest integer.
    """

    start: Tensor

    def __init__(self, start: float, zero_point: int, low: int, high: int) -> None:
        super().__init__()
        self.growth = nn.Parameter(torch.zeros(()))
        self.register_buffer("start", torch.tensor(start))
        self.zero_point, self.low, self.high = zero_point, low, high

    @property
    def scale(self) -> Tensor:
        """The scale now."""
        scale: Tensor = self.start * self.growth.exp()
        return scale

    def forward(self, x: Tensor) -> Tensor:
        """The tensor on its grid; gradients reach it and the scale."""
        scale = self.scale
        q = x / scale + self.zero_point
        q = q + (q.round() - q).detach()  # straight-through
        return (q.clamp(self.low, self.high) - self.zero_point) * scale


class FakeQuantNet(GraphNet):
    """A graph whose tensors are rounded where the INT8 writer would round them.

    Args:
        model: The prepared float model.
        ranges: Range of each tensor to begin with.
        scheme: How numbers will be stored.
        learned: Train the scales instead of following the extremes.
    """

    def __init__(
        self, model: ModelProto, ranges: Ranges, scheme: Scheme, learned: bool = False
    ) -> None:
        super().__init__(model)
        plan = _plan(write_qdq(model, ranges, scheme))
        self.activations = nn.ModuleDict(
            {
                safe(name): _activation(*grid, scheme, learned)
                for name, grid in plan.activations.items()
            }
        )
        self.weights = nn.ModuleDict(
            {safe(name): _weight(axis, scheme) for name, axis in plan.weights.items()}
        )
        with torch.no_grad():  # so that all sizes are there before a checkpoint is read
            for name, fake in self.weights.items():
                fake(getattr(self, name))

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, S, S) to (N, K), in 32 bits: half precision would hide the grid."""
        with torch.autocast(images.device.type, enabled=False):
            return super().forward(images.float())

    def watch(self, name: str, value: Tensor) -> Tensor:
        """Activations on their grid."""
        key = safe(name)
        return self.activations[key](value) if key in self.activations else value

    def weigh(self, name: str, value: Tensor) -> Tensor:
        """Weights on their grid."""
        key = safe(name)
        return self.weights[key](value) if key in self.weights else value

    def train(self, mode: bool = True) -> FakeQuantNet:
        """Ranges follow training images only."""
        super().train(mode)
        for fake in self.activations.values():
            if isinstance(fake, FakeQuantize):
                fake.enable_observer(mode)
        return self

    def ranges(self) -> dict[str, tuple[float, float]]:
        """The range of each activation as it was found."""
        return {unsafe(name): _range(fake) for name, fake in self.activations.items()}


def _range(fake: Any) -> tuple[float, float]:
    """Lowest and highest value that a grid can hold."""
    learned = isinstance(fake, LearnedRange)
    low, high = (fake.low, fake.high) if learned else (fake.quant_min, fake.quant_max)
    scale, zero = float(fake.scale.detach()), int(fake.zero_point)
    return (low - zero) * scale, (high - zero) * scale


class _Plan:
    """What a written model rounds: activations with their grid, weights with their axis."""

    def __init__(self) -> None:
        self.activations: dict[str, tuple[float, int]] = {}
        self.weights: dict[str, int | None] = {}


def _plan(written: ModelProto) -> _Plan:
    held = tensors(written)
    plan = _Plan()
    for node in written.graph.node:
        name, scale = node.input[0], node.input[1] if len(node.input) > 1 else ""
        # a tensor that only passes numbers on has the scale of another, and is on its grid already
        if node.op_type == "QuantizeLinear" and scale == f"{name}_scale":
            plan.activations[name] = (float(held[scale]), int(held[node.input[2]]))
        weight = name.removesuffix("_quantized")
        if node.op_type == "DequantizeLinear" and scale == f"{weight}_scale" and name in held:
            axis = next((a.i for a in node.attribute if a.name == "axis"), 0)
            plan.weights[weight] = axis if held[scale].ndim else None
    return plan


def _activation(scale: float, zero_point: int, scheme: Scheme, learned: bool) -> nn.Module:
    low, high = (-127, 127) if scheme.symmetric else (0, 255)
    if learned:
        return LearnedRange(scale, zero_point, low, high)
    fake = FakeQuantize(
        MovingAverageMinMaxObserver,
        quant_min=low,
        quant_max=high,
        dtype=torch.int8 if scheme.symmetric else torch.uint8,
        qscheme=torch.per_tensor_symmetric if scheme.symmetric else torch.per_tensor_affine,
        averaging_constant=FOLLOW,
    )
    watcher = fake.activation_post_process
    watcher.min_val.resize_(()).fill_((low - zero_point) * scale)
    watcher.max_val.resize_(()).fill_((high - zero_point) * scale)
    fake.scale.fill_(scale)
    fake.zero_point.fill_(zero_point)
    return fake


def _weight(axis: int | None, scheme: Scheme) -> nn.Module:
    high = 127 if scheme.weight_bits == 8 else 64
    shared = {"quant_min": -high, "quant_max": high, "dtype": torch.int8}
    if axis is None:
        return FakeQuantize(
            MovingAverageMinMaxObserver,
            qscheme=torch.per_tensor_symmetric,
            averaging_constant=CURRENT,
            **shared,
        )
    return FakeQuantize(
        MovingAveragePerChannelMinMaxObserver,
        qscheme=torch.per_channel_symmetric,
        ch_axis=axis,
        averaging_constant=CURRENT,
        **shared,
    )


# --- as a model that the ordinary loop trains and a checkpoint holds ----------------------------


def fake_quantised(
    spec: NetworkSpec, model: ModelProto, ranges: Ranges, scheme: Scheme, learned: bool
) -> TaskModel:
    """A prepared float model as a network that feels INT8 while it trains."""
    step = {
        "kind": KIND,
        "graph": base64.b85encode(zlib.compress(_without_weights(model))).decode(),
        "ranges": {name: list(pair) for name, pair in ranges.items()},
        "scheme": vars(scheme),
        "learned": learned,
    }
    return TaskModel(FakeQuantNet(model, ranges, scheme, learned), spec, (step,))


def _without_weights(model: ModelProto) -> bytes:
    """The graph with zeros for all weights, which pack into nearly nothing."""
    empty = ModelProto()
    empty.CopyFrom(model)
    for item in empty.graph.initializer:
        value = numpy_helper.to_array(item)
        if value.dtype.kind == "f" and value.size > 1:
            item.CopyFrom(numpy_helper.from_array(np.zeros_like(value), item.name))
    return empty.SerializeToString()


def replay(model: TaskModel, step: Mapping[str, Any]) -> None:
    """Make the network of a checkpoint feel INT8 again; its numbers are read after."""
    graph = ModelProto.FromString(zlib.decompress(base64.b85decode(step["graph"])))
    ranges = {name: (low, high) for name, (low, high) in step["ranges"].items()}
    model.network = FakeQuantNet(graph, ranges, Scheme(**step["scheme"]), step["learned"])
