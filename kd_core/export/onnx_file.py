"""Looking into an ONNX file before anything runs it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto

from kd_core.config import Settings
from kd_core.errors import UploadError
from kd_core.export.contract import FileContract

STANDARD_DOMAINS = ("", "ai.onnx")
# Operators that onnxruntime itself adds when it quantises or fuses a model.
MICROSOFT_OPS = frozenset(
    {"QLinearAdd", "QLinearMul", "QLinearSigmoid", "QLinearLeakyRelu", "QLinearSoftmax"}
    | {"QLinearConcat", "QLinearAveragePool", "QLinearGlobalAveragePool", "QLinearReduceMean"}
    | {"QLinearConv", "QGemm", "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeMatMul"}
    | {"MatMulIntegerToFloat", "MatMulNBits", "FusedConv", "FusedGemm", "FusedMatMul", "Gelu"}
    | {"FastGelu", "BiasGelu", "QuickGelu", "LayerNormalization", "SkipLayerNormalization"}
    | {"SimplifiedLayerNormalization", "Attention", "MultiHeadAttention", "NhwcConv"}
)
QUANTISED_OPS = ("QuantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul", "QGemm")
FLOAT_TYPES = (TensorProto.FLOAT, TensorProto.FLOAT16)


class OnnxLimits(Settings):
    """What a file from outside may be."""

    size_bytes: int = 500_000_000
    nodes: int = 100_000


@dataclass(frozen=True)
class OnnxInfo:
    """What a file holds.

    Attributes:
        size_bytes: Bytes of the file.
        opset: Version of the standard operators.
        input_name: Name of the image input.
        input_shape: Its shape; ``None`` where a dimension is free.
        layout: ``nchw`` or ``nhwc``.
        outputs: Shape of each output by name.
        precision: Number format of its weights.
        contract: Our contract, if the file carries one.
    """

    size_bytes: int
    opset: int
    input_name: str
    input_shape: tuple[int | None, ...]
    layout: str
    outputs: dict[str, tuple[int | None, ...]]
    precision: str
    contract: FileContract | None

    @property
    def channels(self) -> int | None:
        """Channels of the image input; ``None`` where they are free."""
        return self.input_shape[1 if self.layout == "nchw" else 3]

    @property
    def side(self) -> int | None:
        """Height of the image input in pixels; ``None`` where it is free."""
        return self.input_shape[2 if self.layout == "nchw" else 1]


def check_onnx_file(source: Path | bytes, limits: OnnxLimits | None = None) -> OnnxInfo:
    """Refuse what is unsafe or no image model; nothing of the file is run.

    Args:
        source: The file or its content.
        limits: What a file from outside may be.

    Raises:
        UploadError: ``onnx_too_large``, ``onnx_unreadable``, ``onnx_external_data``,
            ``onnx_custom_operators``, ``onnx_invalid``, ``onnx_input`` or ``onnx_output``.
    """
    return describe(read_onnx(source, limits))


def write_metadata(model: ModelProto, contract: FileContract) -> None:
    """Replace a model's metadata by the contract's."""
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, contract.to_metadata())


def write_model(model: ModelProto, path: Path) -> None:
    """Write one self-contained file, aside and renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_bytes(model.SerializeToString())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


# ---------------------------------------------------------------- looking


def read_onnx(source: Path | bytes, limits: OnnxLimits | None = None) -> ModelProto:
    """A file that was found safe, with the shapes that can be inferred; see above for errors."""
    limits = limits or OnnxLimits()
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    if size > limits.size_bytes:
        raise UploadError("onnx_too_large", size=size, limit=limits.size_bytes)
    model = ModelProto()
    try:
        model.ParseFromString(source if isinstance(source, bytes) else source.read_bytes())
    except DecodeError:
        raise UploadError("onnx_unreadable") from None
    if not model.graph.node or not model.opset_import:
        raise UploadError("onnx_unreadable")
    _check_safe(model, limits)
    try:
        onnx.checker.check_model(model)
        return onnx.shape_inference.infer_shapes(model)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        detail = str(error).strip().splitlines()
        raise UploadError("onnx_invalid", detail=detail[0][:200] if detail else "") from None


def _check_safe(model: ModelProto, limits: OnnxLimits) -> None:
    own = {(function.domain, function.name) for function in model.functions}
    foreign: set[str] = set()
    for count, node in enumerate(all_nodes(model)):
        if count >= limits.nodes:
            raise UploadError("onnx_too_many_nodes", limit=limits.nodes)
        allowed = (
            node.domain in STANDARD_DOMAINS
            or (node.domain == "com.microsoft" and node.op_type in MICROSOFT_OPS)
            or (node.domain, node.op_type) in own
        )
        if not allowed:
            foreign.add(f"{node.domain}.{node.op_type}")
    for tensor in _tensors(model):
        if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
            raise UploadError("onnx_external_data", tensor=tensor.name)
    if foreign:
        raise UploadError("onnx_custom_operators", operators=sorted(foreign)[:5])


def all_nodes(model: ModelProto) -> Iterator[NodeProto]:
    """Every node of the graph, of graphs inside nodes, and of the file's own functions."""
    for nodes in (model.graph.node, *(function.node for function in model.functions)):
        for node in nodes:
            yield from with_inner(node)


def with_inner(node: NodeProto) -> Iterator[NodeProto]:
    """A node and all nodes of the graphs inside it."""
    yield node
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                yield from with_inner(inner)


def _tensors(model: ModelProto) -> Iterator[TensorProto]:
    graphs = [model.graph]
    for node in all_nodes(model):
        for attribute in node.attribute:
            graphs += [attribute.g, *attribute.graphs]
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
    for graph in graphs:
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)


def describe(model: ModelProto) -> OnnxInfo:
    """What a model holds, if it takes images and gives one row of numbers an image.

    Raises:
        UploadError: ``onnx_input`` or ``onnx_output``.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    if len(inputs) != 1:
        raise UploadError("onnx_input", found=len(inputs), shape=[])
    shape = _shape(inputs[0])
    layout = _layout(shape)
    if not layout or inputs[0].type.tensor_type.elem_type not in FLOAT_TYPES:
        raise UploadError("onnx_input", found=1, shape=[d or "n" for d in shape or ()])
    outputs = {value.name: _shape(value) or () for value in model.graph.output}
    if not any(len(shape) == 2 for shape in outputs.values()):
        raise UploadError("onnx_output", outputs=[f"{k} {v}" for k, v in outputs.items()])
    standard = [o.version for o in model.opset_import if o.domain in STANDARD_DOMAINS]
    return OnnxInfo(
        size_bytes=model.ByteSize(),
        opset=standard[0] if standard else 0,
        input_name=inputs[0].name,
        input_shape=shape or (),
        layout=layout,
        outputs=outputs,
        precision=precision_of(model),
        contract=FileContract.from_metadata({p.key: p.value for p in model.metadata_props}),
    )


def _shape(value: ValueInfoProto) -> tuple[int | None, ...] | None:
    """Dimensions, ``None`` for each free one; ``None`` in all if even the rank is unknown."""
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return tuple(d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim)


def _layout(shape: tuple[int | None, ...] | None) -> str:
    """``nchw`` or ``nhwc`` of an image input; empty if the shape is not that of images."""
    if shape is None or len(shape) != 4:
        return ""
    if shape[1] in (1, 3):
        return "nchw"
    if shape[3] in (1, 3):
        return "nhwc"
    return "nchw" if shape[1] is None else ""


def precision_of(model: ModelProto) -> str:
    """Number format of a model's weights: ``fp32``, ``fp16``, ``int8`` or ``int4``."""
    types = {tensor.data_type for tensor in model.graph.initializer if len(tensor.dims) > 1}
    ops = {node.op_type for node in all_nodes(model)}
    if "MatMulNBits" in ops or types & {TensorProto.INT4, TensorProto.UINT4}:
        return "int4"
    if ops & set(QUANTISED_OPS) or types & {TensorProto.INT8, TensorProto.UINT8}:
        return "int8"
    return "fp16" if TensorProto.FLOAT16 in types else "fp32"
