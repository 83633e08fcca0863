"""Reading the work of a network from its ONNX graph; see kd_core/latency/work.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError, EncodeError
from onnx import ModelProto, TensorProto, numpy_helper

from kd_core.errors import ExportError
from kd_core.latency.work import Work
from kd_core.latency.work_graph import Graph, Shape, operators, peak
from kd_core.latency.work_shapes import Shapes

LARGEST_CONSTANT = 4096
"""Numbers of a constant up to which shape inference may look at its values (targets of reshapes);
larger ones are left out, which makes it quick."""
LARGEST_FILE_BYTES = 2_000_000_000
SPARSE_SAMPLE = 50_000_000
"""Weights that are looked at for zeros."""
SIZE_KEY = "kdlab.size"
FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16)
EIGHT_BIT = (TensorProto.INT8, TensorProto.UINT8)
FOUR_BIT = (TensorProto.INT4, TensorProto.UINT4)
INTEGER_OPS = {"QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger", "QGemm"}


def read_work(source: Path | bytes | ModelProto, size: int | None) -> Work:
    """See :func:`kd_core.latency.work.work_of`."""
    model = _parse(source)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    image = _image(model, weights, size)
    sparsity = _sparsity(model)
    total_bytes = sum(_bytes(tensor) for tensor in model.graph.initializer)
    graph = Graph(
        nodes=list(model.graph.node),
        shapes=_shapes(model),
        constants={name: tuple(tensor.dims) for name, tensor in weights.items()},
        eight_bit={name for name, t in weights.items() if t.data_type in EIGHT_BIT + FOUR_BIT},
        inputs=[value.name for value in model.graph.input if value.name not in weights],
        outputs=[value.name for value in model.graph.output],
    )
    ops, used = operators(graph)
    if not ops:
        raise ExportError("estimate_no_image", shape=list(image))
    return Work(
        ops=tuple(ops),
        precision=_precision(model),
        batch=image[0],
        image=tuple(image[1:]),
        weights_bytes=total_bytes,
        peak_activation=peak(used),
        sparsity=sparsity,
        name=source.stem if isinstance(source, Path) else model.graph.name,
    )


def _parse(source: Path | bytes | ModelProto) -> ModelProto:
    """A copy whose large constants are still there."""
    if isinstance(source, ModelProto):
        model = ModelProto()
        model.CopyFrom(source)
        return model
    if isinstance(source, Path):
        if not source.is_file():
            raise ExportError("file_missing", file=source.name)
        if source.stat().st_size > LARGEST_FILE_BYTES:
            raise ExportError("estimate_unreadable", detail="> 2 GB")
        source = source.read_bytes()
    model = ModelProto()
    try:
        model.ParseFromString(source)
    except DecodeError:
        raise ExportError("estimate_unreadable", detail="protobuf") from None
    if not model.graph.node or not model.opset_import:
        raise ExportError("estimate_unreadable", detail="graph")
    return model


def _image(model: ModelProto, weights: dict[str, Any], size: int | None) -> list[int]:
    """Fix the shape of the first input in place and return it; other free batches become 1."""
    inputs = [value for value in model.graph.input if value.name not in weights]
    if not inputs:
        raise ExportError("estimate_no_image", shape=[])
    stored = {p.key: p.value for p in model.metadata_props}.get(SIZE_KEY, "")
    side = size or (int(stored) if stored.isdigit() else None)
    for value in inputs:
        for place, dim in enumerate(value.type.tensor_type.shape.dim):
            if dim.HasField("dim_value") and dim.dim_value > 0:
                continue
            if place and side is None:
                raise ExportError("estimate_free_size", input=value.name)
            dim.dim_value = side if place and side else 1
    shape = [dim.dim_value for dim in inputs[0].type.tensor_type.shape.dim]
    if len(shape) < 2:
        raise ExportError("estimate_no_image", shape=shape)
    return shape


def _shapes(model: ModelProto) -> dict[str, Shape]:
    """Shape of every tensor that can be inferred.

    The model's large constants and its stored shapes, which may hold a free batch, are dropped
    from it.
    """
    for tensor in model.graph.initializer:
        if int(np.prod(tensor.dims)) > LARGEST_CONSTANT:
            for name in ("raw_data", "float_data", "int32_data", "int64_data", "external_data"):
                tensor.ClearField(name)  # type: ignore[arg-type]
            tensor.data_location = TensorProto.DEFAULT
    del model.graph.value_info[:]
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    try:
        known = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    except (onnx.shape_inference.InferenceError, EncodeError, RuntimeError, ValueError) as error:
        detail = (str(error).strip().splitlines() or [""])[0][:120]
        raise ExportError("estimate_shapes", detail=detail) from None
    found: dict[str, Shape] = {}
    for value in (*known.input, *known.value_info, *known.output):
        if value.type.tensor_type.HasField("shape"):
            found[value.name] = tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
    made = {name for node in model.graph.node for name in node.output if name}
    if made - set(found) or any(0 in shape for shape in found.values()):
        found |= Shapes(model).all()
    return {name: tuple(max(1, size) for size in shape) for name, shape in found.items()}


def _precision(model: ModelProto) -> str:
    types = {tensor.data_type for tensor in model.graph.initializer if len(tensor.dims) > 1}
    ops = {node.op_type for node in model.graph.node}
    if "MatMulNBits" in ops or types & set(FOUR_BIT):
        return "int4"
    if types & set(EIGHT_BIT) or ops & INTEGER_OPS or "QuantizeLinear" in ops:
        return "int8"
    return "fp16" if TensorProto.FLOAT16 in types else "fp32"


def _bytes(tensor: TensorProto) -> int:
    if tensor.HasField("raw_data"):
        return len(tensor.raw_data)
    try:
        width = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    except KeyError:
        width = 4
    return int(np.prod(tensor.dims)) * int(width)


def _sparsity(model: ModelProto) -> float:
    """Share of zeros among float weights of convolutions and matrices."""
    zeros = total = 0
    for tensor in model.graph.initializer:
        count = int(np.prod(tensor.dims))
        outside = tensor.data_location == TensorProto.EXTERNAL
        if tensor.data_type not in FLOATS[:2] or len(tensor.dims) < 2 or outside:
            continue
        if total + count > SPARSE_SAMPLE:
            break
        try:
            values = numpy_helper.to_array(tensor)
        except (ValueError, TypeError):  # cut off or of another length than its shape says
            raise ExportError("estimate_unreadable", detail=tensor.name[:60]) from None
        zeros += count - int(np.count_nonzero(values))
        total += count
    return zeros / total if total else 0.0
