"""An ONNX file made ready to be quantised, and what its operators are called by a person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, helper, numpy_helper
from onnxruntime.quantization.onnx_model import ONNXModel

from kd_core.compress.graph_fold import drop_unused, fold_batch_norms
from kd_core.errors import ExportError
from kd_core.export.onnx_file import OnnxLimits, check_onnx_file, read_onnx, write_model
from kd_core.export.onnx_model import OnnxModel

WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""Operators that multiply by weights: nearly all of a network's work and bytes."""

MOVING = frozenset(
    {"Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Slice", "Gather"}
    | {"Split", "Shape", "Expand", "Cast", "Constant", "Range", "Dropout", "Pad"}
    | {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"}
)
"""Operators that only move, name or convert numbers; they are no layers."""


OLDEST_OPSET = 13
"""The first operator set in which a tensor can have one scale for each channel."""


@dataclass(frozen=True)
class Layer:
    """One operator that computes.

    Attributes:
        name: What a person calls it: the module of its weights, else its output.
        node: Name of the node in the file.
        op: ONNX operator.
        weight: Name of its weight tensor; empty without one.
        depthwise: A convolution that has a group for each channel.
    """

    name: str
    node: str
    op: str
    weight: str = ""
    depthwise: bool = False


def own_file(path: Path) -> ModelProto:
    """A file that obeys our contract, of any size, with the shapes that can be inferred.

    Raises:
        UploadError: As :func:`~kd_core.export.onnx_file.check_onnx_file`.
    """
    return read_onnx(path, OnnxLimits(size_bytes=max(1, path.stat().st_size)))


def prepare(path: Path) -> ModelProto:
    """The float model as the quantiser wants it; its outputs stay the same up to rounding.

    Every node has a name, batch norms are folded into the convolutions before them, and a mean
    over the image is a pooling, of which the runtime has an INT8 version.

    Raises:
        ExportError: ``opset_too_old``.
    """
    model = own_file(path)
    opset = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
    if opset < OLDEST_OPSET:
        raise ExportError("opset_too_old", found=opset, needed=OLDEST_OPSET)
    fold_batch_norms(model)
    _name_nodes(model)
    _pool_means(model)
    drop_unused(model)
    del model.graph.value_info[:]  # those of values that may be gone; inferred again
    return onnx.shape_inference.infer_shapes(model)


def batch_of(model: ModelProto) -> int | None:
    """Images that the model takes in one call; ``None`` if any number."""
    first = model.graph.input[0].type.tensor_type.shape.dim[0]
    return int(first.dim_value) if first.HasField("dim_value") else None


def pieces(images: NDArray[np.float32], size: int) -> Iterator[NDArray[np.float32]]:
    """Images in batches of exactly this size as far as they go; at least one batch.

    >>> [len(piece) for piece in pieces(np.zeros((5, 1, 1, 1), np.float32), 2)]
    [2, 2]
    """
    if len(images) < size:
        images = np.resize(images, (size, *images.shape[1:]))
    for start in range(0, len(images) - size + 1, size):
        yield images[start : start + size]


def tensors(model: ModelProto) -> dict[str, NDArray[np.generic]]:
    """Weights of a model by name."""
    return {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}


def layers(model: ModelProto) -> tuple[Layer, ...]:
    """The operators of a model that compute, in order."""
    shapes = {item.name: tuple(item.dims) for item in model.graph.initializer}
    return tuple(_layers(model, shapes))


def _layers(model: ModelProto, shapes: dict[str, tuple[int, ...]]) -> Iterator[Layer]:
    for node in model.graph.node:
        if node.op_type in MOVING:
            continue
        weight = ""
        if node.op_type in WEIGHTED:
            weight = next((name for name in node.input[1:2] if name in shapes), "")
        group = next((a.i for a in node.attribute if a.name == "group"), 1)
        yield Layer(
            name=weight.removesuffix(".weight") or node.output[0],
            node=node.name,
            op=node.op_type,
            weight=weight,
            depthwise=bool(weight) and group > 1 and shapes[weight][1] == 1,
        )


def keep(model: ModelProto, origin: Path, path: Path) -> Path:
    """Write a changed model with the metadata of the file that it came from, and try it.

    Raises:
        UploadError: The file would not pass our own checks.
        ExportError: It has another contract, or onnxruntime cannot run it.
    """
    source = onnx.load_model(origin, load_external_data=False)
    ONNXModel(model).topological_sort()
    del model.metadata_props[:]
    model.metadata_props.extend(source.metadata_props)
    used = {node.domain for node in model.graph.node} | {f.domain for f in model.functions}
    wanted = [item for item in model.opset_import if item.domain in used | {"", "ai.onnx"}]
    del model.opset_import[:]  # onnxruntime lists every domain that it knows
    model.opset_import.extend(wanted)
    write_model(model, path)
    info = check_onnx_file(path, OnnxLimits(size_bytes=max(1, path.stat().st_size)))
    if info.contract is None:
        raise ExportError("contract_missing", file=origin.name)
    size = (1, info.contract.channels, info.contract.size, info.contract.size)
    OnnxModel(path).predict(np.zeros(size, np.float32))  # it may still fail when it is run
    return path


def _name_nodes(model: ModelProto) -> None:
    taken: set[str] = set()
    for number, node in enumerate(model.graph.node):
        if not node.name or node.name in taken:
            node.name = f"{node.op_type}_{number}"
        taken.add(node.name)


def _pool_means(model: ModelProto) -> None:
    """Replace each mean over height and width of an image by a global average pooling."""
    known = tensors(model)
    rank = {
        value.name: len(value.type.tensor_type.shape.dim)
        for value in (*model.graph.value_info, *model.graph.input)
    }
    for at, node in reversed(list(enumerate(model.graph.node))):
        if node.op_type != "ReduceMean" or rank.get(node.input[0]) != 4:
            continue
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        axes = attributes.get("axes", known.get(node.input[1]) if len(node.input) > 1 else None)
        if axes is None or {int(a) % 4 for a in np.ravel(axes)} != {2, 3}:
            continue
        for new in reversed(_pooling(node, keepdims=bool(attributes.get("keepdims", 1)))):
            model.graph.node.insert(at, new)
        model.graph.node.remove(node)


def _pooling(node: NodeProto, keepdims: bool) -> list[NodeProto]:
    out = node.output[0]
    pooled = out if keepdims else f"{out}/pooled"
    nodes = [helper.make_node("GlobalAveragePool", node.input[:1], [pooled], name=node.name)]
    if not keepdims:  # (n, C, 1, 1) to (n, C)
        nodes.append(helper.make_node("Flatten", [pooled], [out], name=f"{node.name}/flat"))
    return nodes
