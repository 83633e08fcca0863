"""Folding a batch norm into the convolution before it: the same function with fewer nodes."""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, NodeProto, numpy_helper

EPSILON = 1e-5  # ONNX's default


def fold_batch_norms(model: ModelProto) -> int:
    """Fold, in place, each batch norm that alone reads the output of a convolution.

    With γ, β, μ, σ² of the norm, W' = W · γ / √(σ² + ε) and b' = (b − μ) · γ / √(σ² + ε) + β, one
    factor for each output channel.

    Args:
        model: Changed in place.

    Returns:
        How many were folded.
    """
    graph = model.graph
    weights = {item.name: item for item in graph.initializer}
    readers: dict[str, int] = {value.name: 1 for value in graph.output}
    for node in graph.node:
        for name in node.input:
            readers[name] = readers.get(name, 0) + 1
    makers = {name: node for node in graph.node for name in node.output}
    folded = []
    for norm in graph.node:
        conv = makers.get(norm.input[0]) if norm.op_type == "BatchNormalization" else None
        if conv is None or conv.op_type != "Conv" or readers[norm.input[0]] != 1:
            continue
        constants = [*conv.input[1:], *norm.input[1:5]]
        shared = any(readers[name] != 1 for name in conv.input[1:])
        if shared or any(name not in weights for name in constants):
            continue
        _fold(conv, norm, model)
        folded.append(norm)
    for norm in folded:
        graph.node.remove(norm)
    drop_unused(model)
    return len(folded)


def _fold(conv: NodeProto, norm: NodeProto, model: ModelProto) -> None:
    held = {item.name: item for item in model.graph.initializer}
    values = {
        name: numpy_helper.to_array(held[name]) for name in (*conv.input[1:], *norm.input[1:])
    }
    gamma, beta, mean, var = (values[name].astype(np.float64) for name in norm.input[1:5])
    epsilon = next((a.f for a in norm.attribute if a.name == "epsilon"), EPSILON)
    factor = gamma / np.sqrt(var + epsilon)  # (K,)
    weight = values[conv.input[1]]  # (K, C / groups, H, W)
    old = values[conv.input[2]] if len(conv.input) > 2 else np.zeros(len(factor))
    scaled = weight * factor.reshape(-1, *[1] * (weight.ndim - 1))
    bias = (old - mean) * factor + beta
    held[conv.input[1]].CopyFrom(
        numpy_helper.from_array(scaled.astype(weight.dtype), conv.input[1])
    )
    name = conv.input[2] if len(conv.input) > 2 else _free(f"{conv.input[1]}/bias", held)
    tensor = numpy_helper.from_array(bias.astype(weight.dtype), name)
    if len(conv.input) > 2:
        held[name].CopyFrom(tensor)
    else:
        model.graph.initializer.append(tensor)
        conv.input.append(name)
    conv.output[0] = norm.output[0]


def _free(name: str, taken: dict[str, object]) -> str:
    while name in taken:
        name += "'"
    return name


def drop_unused(model: ModelProto) -> None:
    """Take out tensors that no node reads."""
    used = {name for node in model.graph.node for name in node.input}
    used |= {value.name for value in model.graph.output}
    for item in [item for item in model.graph.initializer if item.name not in used]:
        model.graph.initializer.remove(item)
