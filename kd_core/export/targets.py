"""Files for a certain runtime: checked before they are written, one sentence for each refusal.

What a target takes is from its makers' documents; nothing here runs the target itself:

- ``tensorrt``: NVIDIA TensorRT 10 and 11, operator sets 9 to 25, "Explicit Quantization": zero
  points are 0 and activations signed; no integer operators of ONNX, no onnxruntime operators.
- ``stm32``: ST Edge AI Core 3.0, "ONNX toolbox support" (operator sets 7 to 20, static shapes) and
  its scheme "ss/sa" (signed weights around 0, signed activations).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, numpy_helper

from kd_core.errors import ExportError
from kd_core.export.onnx_file import (
    STANDARD_DOMAINS,
    all_nodes,
    describe,
    precision_of,
    read_onnx,
    write_model,
)
from kd_core.export.onnx_model import open_session
from kd_core.registry import Entry, Registry
from kd_core.text import Msg

INTEGER_OPS = frozenset(
    {"ConvInteger", "MatMulInteger", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul"}
)
STM32_OPS = frozenset(
    {"Abs", "Add", "AveragePool", "BatchNormalization", "Cast", "Ceil", "Clip", "Concat", "Conv"}
    | {"Constant", "ConvTranspose", "DequantizeLinear", "Div", "Dropout", "Elu", "Erf", "Exp"}
    | {"Flatten", "Floor", "Gather", "Gemm", "GlobalAveragePool", "GlobalMaxPool", "HardSigmoid"}
    | {"HardSwish", "Identity", "LeakyRelu", "MatMul", "Max", "MaxPool", "Min", "Mul", "Neg", "Pad"}
    | {"Pow", "PRelu", "QuantizeLinear", "ReduceMax", "ReduceMean", "ReduceSum", "Relu", "Reshape"}
    | {"Resize", "Selu", "Shape", "Sigmoid", "Slice", "Softmax", "Split", "Sqrt", "Squeeze", "Sub"}
    | {"Tanh", "Transpose", "Unsqueeze"}
)
TOLERANCE = {"fp32": 1e-3, "fp16": 0.03}
COARSE = 0.05  # of the largest output, where one rounding more or less is 8 bits wide
IMAGES = 4


@dataclass(frozen=True, kw_only=True)
class TargetSpec(Entry):
    """What a runtime takes.

    Attributes:
        newest_opset: Newest operator set; a newer file is converted down.
        oldest_opset: Oldest operator set.
        precisions: Number formats of weights.
        static: Whether the batch size must be a number.
        symmetric: Whether zero points must be 0.
        signed: Whether 8-bit activations are turned into signed ones, which changes no value.
        contrib: Whether onnxruntime's own operators are known.
        ops: Standard operators that are known; ``None``: all but ``refused``.
        refused: Standard operators that are not known.
    """

    newest_opset: int
    oldest_opset: int = 13
    precisions: tuple[str, ...] = ("fp32", "fp16", "int8", "int4")
    static: bool = False
    symmetric: bool = False
    signed: bool = False
    contrib: bool = False
    ops: frozenset[str] | None = None
    refused: frozenset[str] = frozenset()


EXPORT_TARGETS: Registry[TargetSpec] = Registry("export_target")
EXPORT_TARGETS.add("onnxruntime", TargetSpec(newest_opset=99, oldest_opset=7, contrib=True))
EXPORT_TARGETS.add("ort-arm", TargetSpec(newest_opset=99, oldest_opset=7, contrib=True))
EXPORT_TARGETS.add(
    "tensorrt",
    TargetSpec(
        newest_opset=25,
        oldest_opset=9,
        precisions=("fp32", "fp16", "int8"),
        symmetric=True,
        refused=INTEGER_OPS,
        source="NVIDIA TensorRT documentation",
    ),
)
EXPORT_TARGETS.add(
    "stm32",
    TargetSpec(
        newest_opset=20,
        oldest_opset=7,
        precisions=("fp32", "int8"),
        static=True,
        signed=True,
        ops=STM32_OPS,
        source="ST Edge AI Core 3.0 documentation",
    ),
)


def refusals(source: Path | bytes, target: str) -> tuple[Msg, ...]:
    """Why a file cannot be used on a target, one sentence each; empty if it can.

    Raises:
        ConfigError: ``entry_unknown``.
        UploadError: The file is unsafe or no image model.
    """
    return tuple(fault.msg for fault in _faults(read_onnx(source), target))


def export_for(source: Path, target: str, path: Path, batch: int = 1) -> Path:
    """Write a file for a target; what it computes stays the same.

    Args:
        source: One of our files, or a person's own.
        target: Entry of ``EXPORT_TARGETS``.
        path: The file to write.
        batch: Images in one call, where the target needs a fixed number.

    Raises:
        ConfigError: ``entry_unknown``.
        UploadError: The file is unsafe or no image model.
        ExportError: ``target_operators``, ``target_precision``, ``target_zero_points``,
            ``target_opset`` or ``target_changed_answers``.
    """
    model, spec = read_onnx(source), EXPORT_TARGETS[target]
    faults = _faults(model, target)
    if faults:
        raise faults[0]
    if spec.signed:
        _sign_activations(model)
    if _opset(model) > spec.newest_opset:
        model = _converted(model, spec.newest_opset, target)
    if spec.static:
        _fix_batch(model, batch)
    onnx.checker.check_model(model)
    aside = path.with_name(f".{path.name}.checked")
    write_model(model, aside)
    try:
        _compare(source, aside, target)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    return path


# --- what is checked ----------------------------------------------------------------------------


def _faults(model: ModelProto, target: str) -> Sequence[ExportError]:
    spec = EXPORT_TARGETS[target]
    name = Msg(EXPORT_TARGETS.text_id(target, "title")).to_json()
    describe(model)
    faults = []
    unknown = sorted({n.op_type for n in all_nodes(model) if not _known(n.domain, n.op_type, spec)})
    if unknown:
        faults.append(ExportError("target_operators", target=name, operators=unknown))
    precision = precision_of(model)
    if precision not in spec.precisions:
        allowed = list(spec.precisions)
        error = ExportError("target_precision", target=name, found=precision, allowed=allowed)
        faults.append(error)
    off = _off_centre(model) if spec.symmetric else 0
    if off:
        faults.append(ExportError("target_zero_points", target=name, n=off))
    found = _opset(model)
    if found < spec.oldest_opset:
        needed = spec.oldest_opset
        faults.append(ExportError("target_opset", target=name, found=found, needed=needed))
    return faults


def _known(domain: str, op: str, spec: TargetSpec) -> bool:
    if domain not in STANDARD_DOMAINS:
        return spec.contrib
    return op in spec.ops if spec.ops is not None else op not in spec.refused


def _opset(model: ModelProto) -> int:
    return next((o.version for o in model.opset_import if o.domain in STANDARD_DOMAINS), 0)


def _off_centre(model: ModelProto) -> int:
    """Quantised tensors whose zero point is not a signed 0."""
    held = {item.name: item for item in model.graph.initializer}
    off = set()
    for node in model.graph.node:
        if node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
            continue
        zero = held.get(node.input[2]) if len(node.input) > 2 else None
        if zero is None:  # ONNX's default is an unsigned 0
            off.add(node.input[1])
        elif zero.data_type == TensorProto.UINT8 or numpy_helper.to_array(zero).any():
            off.add(zero.name)
    return len(off)


# --- what is changed ----------------------------------------------------------------------------


def _sign_activations(model: ModelProto) -> None:
    """Unsigned zero points z become signed ones, z − 128: the same numbers, shifted."""
    held = {item.name: item for item in model.graph.initializer}
    stored = {node.input[0] for node in model.graph.node if node.op_type == "DequantizeLinear"}
    for node in model.graph.node:
        if node.op_type not in ("QuantizeLinear", "DequantizeLinear") or len(node.input) < 3:
            continue
        for name in (node.input[2], node.input[0]):  # zero point, then stored weights
            item = held.get(name)
            if item is None or item.data_type != TensorProto.UINT8:
                continue
            if name == node.input[0] and name not in stored:
                continue
            shifted = (numpy_helper.to_array(item).astype(np.int16) - 128).astype(np.int8)
            item.CopyFrom(numpy_helper.from_array(shifted, name))
    del model.graph.value_info[:]  # types of values in between have changed


def _converted(model: ModelProto, opset: int, target: str) -> ModelProto:
    metadata = list(model.metadata_props)
    found = _opset(model)
    try:
        older: ModelProto = onnx.version_converter.convert_version(model, opset)
    except (RuntimeError, onnx.checker.ValidationError):
        name = Msg(EXPORT_TARGETS.text_id(target, "title")).to_json()
        raise ExportError("target_opset", target=name, found=found, needed=opset) from None
    del older.metadata_props[:]
    older.metadata_props.extend(metadata)
    return older


def _fix_batch(model: ModelProto, batch: int) -> None:
    """The free batch size becomes a number, in the input, the outputs and everything between."""
    for value in (*model.graph.input, *model.graph.output):
        first = value.type.tensor_type.shape.dim[0]
        if not first.HasField("dim_value"):
            first.Clear()
            first.dim_value = batch
    del model.graph.value_info[:]
    model.CopyFrom(onnx.shape_inference.infer_shapes(model))


def _compare(before: Path, after: Path, target: str) -> None:
    """Noise through both files; the answers must stay the same up to rounding."""
    first, second = open_session(before, 1), open_session(after, 1)
    wanted, name = second.get_inputs()[0].shape, first.get_inputs()[0].name
    shape = [size if isinstance(size, int) else 1 for size in wanted[1:]]
    batch = wanted[0] if isinstance(wanted[0], int) else IMAGES
    model = read_onnx(after)
    half = model.graph.input[0].type.tensor_type.elem_type == TensorProto.FLOAT16
    noise = np.random.default_rng(0).standard_normal((batch, *shape), np.float32)
    images = noise.astype(np.float16) if half else noise
    one, two = first.run(None, {name: images})[0], second.run(None, {name: images})[0]
    gap = float(np.abs(one - two).max() / (np.abs(one).max() or 1.0))
    allowed = TOLERANCE.get(precision_of(model), COARSE)
    if not gap <= allowed:  # NaN too
        title = Msg(EXPORT_TARGETS.text_id(target, "title")).to_json()
        raise ExportError("target_changed_answers", target=title, difference=gap, allowed=allowed)
