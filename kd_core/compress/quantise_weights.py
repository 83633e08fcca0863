"""Quantising without calibration: 16-bit floats, dynamic INT8, and 4-bit weights."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, NodeProto
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from onnxruntime.transformers.float16 import convert_float_to_float16

from kd_core import hardware
from kd_core.compress.quantise import about, refuses_not_float, refuses_static, scheme_of
from kd_core.compress.quantise_graph import keep, layers, own_file, prepare, tensors
from kd_core.compress.quantise_layers import counts, layer_table
from kd_core.compress.quantise_qdq import Scheme, quiet
from kd_core.compress.spec import COMPRESSORS, CompressorSpec, Made, Subject, Workshop
from kd_core.export.onnx_file import write_model
from kd_core.registry import Param
from kd_core.text import Msg

FP16_INSTRUCTIONS = frozenset({"avx512_fp16", "asimdhp"})
LARGEST_FP16 = 65504.0

HALF = 0.5  # share of the weights below which a file hardly shrinks

BLOCK = 32
"""Weights that share one scale in 4-bit storage: MatMulNBits' usual block."""


def to_float16(path: Path) -> ModelProto:
    """The model with weights and operators in 16-bit floats; input and outputs stay in 32 bits."""
    model = own_file(path)
    del model.graph.value_info[:]
    half: ModelProto = convert_float_to_float16(model, keep_io_types=True)
    return half


def float16(subject: Subject, shop: Workshop, params: Mapping[str, Any]) -> Made:
    """Weights and operators in 16-bit floats."""
    weights = tensors(own_file(subject.file)).values()
    beyond = sum(int((np.abs(v) > LARGEST_FP16).sum()) for v in weights if v.dtype.kind == "f")
    file = keep(to_float16(subject.file), subject.file, shop.folder / "fp16.onnx")
    facts, notes = about(subject.file, file, shop)
    native = bool(FP16_INSTRUCTIONS & set(hardware.cpu()["features"]))
    facts |= {"fp16_instructions": native, "weights_cut_off": beyond}
    if not native:
        notes = (Msg("quantise.note.fp16_not_faster"), *notes)
    return Made(file=file, facts=facts, notes=notes)


def to_dynamic(model: ModelProto, scheme: Scheme, linear_only: bool) -> ModelProto:
    """A prepared model with INT8 weights, whose activations are quantised at each call."""
    wanted = ["MatMul", "Gemm"] if linear_only else ["MatMul", "Gemm", "Conv"]
    with tempfile.TemporaryDirectory() as folder, quiet():
        source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        write_model(model, source)
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=wanted,
            # a dynamic convolution has one weight scale in all
            per_channel=scheme.per_channel and linear_only,
            reduce_range=scheme.weight_bits == 7,
            weight_type=QuantType.QInt8,
        )
        return onnx.load_model(target)


def dynamic(subject: Subject, shop: Workshop, params: Mapping[str, Any]) -> Made:
    """Weights in INT8; ranges of activations are found anew for every image."""
    model, scheme = prepare(subject.file), scheme_of(params)
    quantised = to_dynamic(model, scheme, params["layers"] == "linear")
    file = keep(quantised, subject.file, shop.folder / "int8_dynamic.onnx")
    facts, notes = about(subject.file, file, shop)
    table = layer_table(model, file)
    facts |= {"layers": table, "counts": counts(table), "scheme": vars(scheme)}
    return Made(file=file, facts=facts, notes=(*_shares(table, model), *notes))


def _shares(table: list[dict[str, Any]], model: ModelProto) -> tuple[Msg, ...]:
    """Say so when most weights stay as they are."""
    sizes = {name.removesuffix(".weight"): value.size for name, value in tensors(model).items()}
    total = sum(sizes.get(row["name"], 0) for row in table)
    done = sum(sizes.get(row["name"], 0) for row in table if row["state"] == "int8")
    if not total or done / total > HALF:
        return ()
    return (Msg("quantise.note.few_weights", {"share": done / total}),)


def four_bits(subject: Subject, shop: Workshop, params: Mapping[str, Any]) -> Made:
    """Weights of matrix products in 4 bits, in blocks of 32 with a scale each."""
    model = prepare(subject.file)
    _gemms_to_matmuls(model)
    with quiet():
        quantizer = MatMulNBitsQuantizer(model, block_size=BLOCK, is_symmetric=params["symmetric"])
        quantizer.process()
    file = keep(quantizer.model.model, subject.file, shop.folder / "int4.onnx")
    facts, notes = about(subject.file, file, shop)
    changed = [n.name for n in own_file(file).graph.node if n.op_type == "MatMulNBits"]
    facts |= {"layers_in_4_bits": changed, "block": BLOCK}
    return Made(file=file, facts=facts, notes=notes)


def _gemms_to_matmuls(model: ModelProto) -> None:
    """``x · Bᵀ + c`` as a matrix product and a sum, which is what 4-bit weights exist for."""
    held = {item.name: item for item in model.graph.initializer}
    for at, node in reversed(list(enumerate(model.graph.node))):
        if node.op_type != "Gemm" or node.input[1] not in held or not _plain(node):
            continue
        flags = {a.name: a.i for a in node.attribute}
        weight = held[node.input[1]]
        if flags.get("transB", 0):
            turned = onnx.numpy_helper.to_array(weight).T.copy()  # (in, out)
            weight.CopyFrom(onnx.numpy_helper.from_array(turned, weight.name))
        out = node.output[0]
        product = f"{out}/product" if len(node.input) > 2 else out
        new = [onnx.helper.make_node("MatMul", node.input[:2], [product], name=node.name)]
        if len(node.input) > 2:
            name = f"{node.name}/bias"
            new.append(onnx.helper.make_node("Add", [product, node.input[2]], [out], name=name))
        model.graph.node.remove(node)
        for item in reversed(new):
            model.graph.node.insert(at, item)


def _plain(node: NodeProto) -> bool:
    values = {a.name: a for a in node.attribute}
    ones = all(values[name].f == 1.0 for name in ("alpha", "beta") if name in values)
    return ones and not ("transA" in values and values["transA"].i)


def _refuses_4_bits(subject: Subject, params: Mapping[str, Any]) -> Msg | None:
    refused = refuses_not_float(subject, params)
    if refused:
        return refused
    found = layers(own_file(subject.file))
    if not any(layer.op in ("MatMul", "Gemm") and layer.weight for layer in found):
        return Msg("refuses.no_linear")
    return None


COMPRESSORS.add(
    "fp16",
    CompressorSpec(
        apply=float16,
        family="quantise",
        works_on="file",
        refuses=refuses_not_float,
        source="Micikevicius et al. 2018",
    ),
)
COMPRESSORS.add(
    "int8_dynamic",
    CompressorSpec(
        apply=dynamic,
        family="quantise",
        works_on="file",
        refuses=refuses_static,
        params=(
            Param("layers", "choice", "all", choices=("all", "linear")),
            Param("per_channel", "bool", True, advanced=True),
            Param("weight_bits", "choice", "auto", choices=("auto", "8", "7"), advanced=True),
        ),
    ),
)
COMPRESSORS.add(
    "int4",
    CompressorSpec(
        apply=four_bits,
        family="quantise",
        works_on="file",
        refuses=_refuses_4_bits,
        source="Dettmers & Zettlemoyer 2023",
        params=(Param("symmetric", "bool", True, advanced=True),),
    ),
)
