"""A torch network that computes what a prepared ONNX graph computes, tensor by tensor.

Training on the graph itself, and not on the Python network that it came from, has a point: its
tensors are exactly those that the INT8 writer quantises, batch norms are already folded, and a
pruned or factorised network is like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from onnx import ModelProto, NodeProto, helper
from torch import Tensor, nn

from kd_core.compress.quantise_graph import tensors

KIND = "fake_quantised"
"""Name of what makes such a network of another one, in a checkpoint's history."""

Attributes = Mapping[str, Any]
Op = Callable[[Sequence[Any], Attributes], Any]
"""(inputs, attributes) to the output, or to a tuple of outputs."""

LEARNED = {"Conv": (1, 2), "Gemm": (1, 2), "MatMul": (1,), "BatchNormalization": (1, 2)}
"""Which inputs of an operator are trained, where they are constants of the file."""


class GraphNet(nn.Module):
    """Runs an ONNX graph of the operators in :data:`OPS`.

    Args:
        model: A prepared model, as ``quantise_graph.prepare`` leaves it.

    Attributes:
        watch: (name, tensor) to tensor, applied to the input and to every output of a node; by
            default it changes nothing.
        weigh: The same for every trained tensor.
    """

    def __init__(self, model: ModelProto) -> None:
        super().__init__()
        self.nodes = [_Node(node) for node in model.graph.node]
        self.source = model.graph.input[0].name
        self.target = model.graph.output[0].name
        self.constants: dict[str, Any] = {}
        learned = {
            node.inputs[at]
            for node in self.nodes
            for at in LEARNED.get(node.op, ())
            if at < len(node.inputs)
        }
        for name, value in tensors(model).items():
            held = torch.from_numpy(value.copy())
            if name in learned and held.is_floating_point():
                self.register_parameter(safe(name), nn.Parameter(held))
            elif held.is_floating_point() and held.ndim:
                self.register_buffer(safe(name), held)
            else:
                self.constants[name] = held.tolist()  # shapes, axes and limits

    def watch(self, name: str, value: Tensor) -> Tensor:
        """What becomes of a tensor that flows."""
        return value

    def weigh(self, name: str, value: Tensor) -> Tensor:
        """What becomes of a trained tensor before it is used."""
        return value

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, S, S) to (N, K)."""
        known: dict[str, Any] = {self.source: self.watch(self.source, images)}
        for node in self.nodes:
            inputs = [self._value(name, known) for name in node.inputs]
            made = OPS[node.op](inputs, node.attributes)
            for name, value in zip(node.outputs, made if type(made) is tuple else (made,)):  # noqa: B905
                known[name] = self.watch(name, value) if isinstance(value, Tensor) else value
        result: Tensor = known[self.target]
        return result

    def _value(self, name: str, known: Mapping[str, Any]) -> Any:
        if not name:
            return None  # an input that is left out
        if name in known:
            return known[name]
        if name in self.constants:
            return self.constants[name]
        held = getattr(self, safe(name))
        return self.weigh(name, held) if isinstance(held, nn.Parameter) else held

    def trained(self) -> dict[str, Tensor]:
        """The trained tensors by their names in the file."""
        return {
            unsafe(name): value.detach() for name, value in self.named_parameters(recurse=False)
        }


class _Node:
    """One node, read once."""

    def __init__(self, node: NodeProto) -> None:
        self.op = node.op_type
        self.inputs, self.outputs = list(node.input), list(node.output)
        self.attributes = {
            a.name: value.decode() if isinstance(value, bytes) else value
            for a, value in ((a, helper.get_attribute_value(a)) for a in node.attribute)
        }


def safe(name: str) -> str:
    """A name that torch takes for a parameter.

    >>> unsafe(safe("layer1.0.conv1.weight"))
    'layer1.0.conv1.weight'
    """
    return name.replace(".", "\u00b7")


def unsafe(name: str) -> str:
    """The name in the file."""
    return name.replace("\u00b7", ".")


def unknown_operators(model: ModelProto) -> tuple[str, ...]:
    """Operators of a model that cannot be trained here, and those of which a shape is computed."""
    held = set(tensors(model))
    found = {node.op_type for node in model.graph.node if node.op_type not in OPS}
    for node in model.graph.node:
        constant = {"Reshape": 1, "Clip": 1, "ReduceMean": 1, "Squeeze": 1, "Unsqueeze": 1}
        at = constant.get(node.op_type)
        if at and len(node.input) > at and node.input[at] and node.input[at] not in held:
            found.add(node.op_type)
        if any(a.name == "auto_pad" and a.s not in (b"", b"NOTSET") for a in node.attribute):
            found.add(node.op_type)
    return tuple(sorted(found))


# --- operators ----------------------------------------------------------------------------------


def _padded(x: Tensor, pads: Sequence[int], value: float = 0.0) -> Tensor:
    """Pad height and width by ONNX's (top, left, bottom, right)."""
    if not any(pads):
        return x
    top, left, bottom, right = pads
    return F.pad(x, (left, right, top, bottom), value=value)


def _conv(inputs: Sequence[Any], a: Attributes) -> Tensor:
    x, weight, *bias = inputs
    return F.conv2d(
        _padded(x, a.get("pads", (0, 0, 0, 0))),
        weight,
        bias[0] if bias else None,
        stride=tuple(a.get("strides", (1, 1))),
        dilation=tuple(a.get("dilations", (1, 1))),
        groups=a.get("group", 1),
    )


def _gemm(inputs: Sequence[Any], a: Attributes) -> Tensor:
    x, weight, *bias = inputs
    x = x.T if a.get("transA", 0) else x
    product = F.linear(x, weight if a.get("transB", 0) else weight.T) * a.get("alpha", 1.0)
    return product + bias[0] * a.get("beta", 1.0) if bias else product


def _batch_norm(inputs: Sequence[Any], a: Attributes) -> Tensor:
    x, gamma, beta, mean, var = inputs
    # Statistics have no slope. A file may hold equal tensors once, such as a shift and a mean of
    # zeros; then the mean follows the shift that is trained, as in the file that is written.
    mean, var = mean.detach(), var.detach()
    return F.batch_norm(x, mean, var, gamma, beta, training=False, eps=a.get("epsilon", 1e-5))


def _max_pool(inputs: Sequence[Any], a: Attributes) -> Tensor:
    x = _padded(inputs[0], a.get("pads", (0, 0, 0, 0)), value=float("-inf"))
    return F.max_pool2d(
        x,
        tuple(a["kernel_shape"]),
        tuple(a.get("strides", (1, 1))),
        dilation=tuple(a.get("dilations", (1, 1))),
        ceil_mode=bool(a.get("ceil_mode", 0)),
    )


def _average_pool(inputs: Sequence[Any], a: Attributes) -> Tensor:
    top, left, _, _ = a.get("pads", (0, 0, 0, 0))
    return F.avg_pool2d(
        inputs[0],
        tuple(a["kernel_shape"]),
        tuple(a.get("strides", (1, 1))),
        padding=(top, left),
        ceil_mode=bool(a.get("ceil_mode", 0)),
        count_include_pad=bool(a.get("count_include_pad", 0)),
    )


def _reduce_mean(inputs: Sequence[Any], a: Attributes) -> Tensor:
    axes = a.get("axes", inputs[1] if len(inputs) > 1 else None)
    return torch.mean(inputs[0], dim=axes, keepdim=bool(a.get("keepdims", 1)))


def _reshape(inputs: Sequence[Any], a: Attributes) -> Tensor:
    x, shape = inputs
    return x.reshape([x.shape[at] if size == 0 else size for at, size in enumerate(shape)])


def _clip(inputs: Sequence[Any], a: Attributes) -> Tensor:
    x, low, high = [*inputs, None, None][:3]
    return torch.clamp(x, _number(low), _number(high))


def _number(value: Any) -> Any:
    return value[0] if isinstance(value, list) else value


def _split(inputs: Sequence[Any], a: Attributes) -> tuple[Tensor, ...]:
    x, axis = inputs[0], a.get("axis", 0)
    if len(inputs) > 1:
        return torch.split(x, inputs[1], dim=axis)
    return torch.chunk(x, a["num_outputs"], dim=axis)


def _squeeze(inputs: Sequence[Any], a: Attributes) -> Tensor:
    return torch.squeeze(inputs[0], tuple(inputs[1]))


def _unsqueeze(inputs: Sequence[Any], a: Attributes) -> Tensor:
    x = inputs[0]
    for axis in sorted(inputs[1]):
        x = x.unsqueeze(axis)
    return x


OPS: dict[str, Op] = {
    "Conv": _conv,
    "Gemm": _gemm,
    "MatMul": lambda i, a: i[0] @ i[1],
    "BatchNormalization": _batch_norm,
    "Relu": lambda i, a: torch.relu(i[0]),
    "LeakyRelu": lambda i, a: F.leaky_relu(i[0], a.get("alpha", 0.01)),
    "Clip": _clip,
    "HardSwish": lambda i, a: F.hardswish(i[0]),
    "HardSigmoid": lambda i, a: (i[0] * a.get("alpha", 0.2) + a.get("beta", 0.5)).clamp(0, 1),
    "Sigmoid": lambda i, a: torch.sigmoid(i[0]),
    "Add": lambda i, a: i[0] + i[1],
    "Sub": lambda i, a: i[0] - i[1],
    "Mul": lambda i, a: i[0] * i[1],
    "Div": lambda i, a: i[0] / i[1],
    "Concat": lambda i, a: torch.cat(list(i), dim=a["axis"]),
    "Split": _split,
    "Reshape": _reshape,
    "Transpose": lambda i, a: i[0].permute(a["perm"]),
    "Flatten": lambda i, a: i[0].flatten(a.get("axis", 1)) if a.get("axis", 1) == 1 else i[0],
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "GlobalAveragePool": lambda i, a: i[0].mean((2, 3), keepdim=True),
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "ReduceMean": _reduce_mean,
    "Identity": lambda i, a: i[0],
}
