"""The one writer of INT8 files: a float model and ranges in, quantise-dequantise pairs out.

Static quantisation brings ranges that were watched, quantisation-aware training ranges that were
learned; both leave through here, so there is one form of INT8 file. A number x is stored as
``q = round(x / scale) + zero_point``; weights have one scale for each output channel, or one in
all, and zero point 0.

Weights may use 7 of their 8 bits. A processor with AVX2 or AVX-512 but without VNNI adds products
of 8-bit numbers in pairs in 16 bits: 2 · 255 · 127 does not fit and is cut off (saturates),
2 · 255 · 64 does fit. With VNNI, and on ARM, 8 bits are safe.
"""

from __future__ import annotations

import logging
import platform
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import ModelProto
from onnxruntime.quantization.calibrate import CalibrationMethod, TensorData, TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
from onnxruntime.quantization.quant_utils import QuantType

from kd_core import hardware
from kd_core.compress.quantise_calibrate import Ranges
from kd_core.compress.quantise_graph import WEIGHTED

KERNELS = frozenset(
    {"Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "Mul", "Concat", "Relu", "Clip", "LeakyRelu"}
    | {"MaxPool", "AveragePool", "GlobalAveragePool", "Sigmoid", "Reshape", "Transpose", "Flatten"}
    | {"Squeeze", "Unsqueeze", "Split"}
)
"""Operators of which onnxruntime has an INT8 version on the CPU."""

TRANSFORMER = frozenset({"LayerNormalization", "Softmax", "Gelu"})
"""Where one of these is, only matrix products are quantised: the sums between them have outliers
that 8 bits cannot hold (Bondarenko et al. 2021)."""


@dataclass(frozen=True)
class Scheme:
    """How numbers are stored.

    Attributes:
        per_channel: One weight scale for each output channel instead of one in all.
        symmetric: Signed activations with zero point 0, as TensorRT wants them; else unsigned.
        weight_bits: 8 or 7; see above.
    """

    per_channel: bool = True
    symmetric: bool = False
    weight_bits: int = 8


def has_vnni() -> bool | None:
    """Whether this processor multiplies 8-bit numbers without saturation; ``None`` on ARM."""
    if platform.machine().lower() not in ("x86_64", "amd64", "x86", "i386", "i686"):
        return None
    return bool({"avx_vnni", "avx512_vnni", "amx_int8"} & set(hardware.cpu()["features"]))


def bits_for_this_cpu() -> int:
    """7 where 8-bit weights could saturate on this processor, else 8."""
    return 7 if has_vnni() is False else 8


def quantisable(model: ModelProto) -> tuple[str, ...]:
    """Operators of this model that are worth to be quantised."""
    present = {node.op_type for node in model.graph.node}
    allowed = frozenset(WEIGHTED) if present & TRANSFORMER else KERNELS
    return tuple(sorted(present & allowed))


def write_qdq(
    model: ModelProto,
    ranges: Ranges,
    scheme: Scheme,
    floats: Collection[str] = (),
    only: Sequence[str] = (),
) -> ModelProto:
    """The model with quantise-dequantise pairs, weights stored in 8 bits.

    Args:
        model: A prepared float model; it stays as it is.
        ranges: Range of each tensor.
        scheme: How numbers are stored.
        floats: Nodes that stay in float.
        only: The only nodes that are quantised; all that can be, where empty.
    """
    copy = ModelProto()
    copy.CopyFrom(model)
    with quiet():
        quantizer = QDQQuantizer(
            copy,
            scheme.per_channel,
            scheme.weight_bits == 7,
            QuantType.QInt8,
            QuantType.QInt8 if scheme.symmetric else QuantType.QUInt8,
            _tensors_data(ranges),
            list(only),
            list(floats),
            list(quantisable(model)),
            _options(scheme),
        )
        quantizer.quantize_model()
        quantizer.model.topological_sort()
        return quantizer.model.model  # type: ignore[no-any-return]


def _options(scheme: Scheme) -> dict[str, Any]:
    return {
        "ActivationSymmetric": scheme.symmetric,
        "WeightSymmetric": True,
        # a matrix product's output is added up in float anyway: storing logits in 8 bits would
        # only make them coarse
        "OpTypesToExcludeOutputQuantization": ["Gemm", "MatMul"],
    }


def _tensors_data(ranges: Ranges) -> TensorsData:
    pairs = {
        name: TensorData(lowest=np.float32(low), highest=np.float32(high))
        for name, (low, high) in ranges.items()
    }
    return TensorsData(CalibrationMethod.MinMax, pairs)


@contextmanager
def quiet() -> Iterator[None]:
    """Without the quantiser's advice and progress, which it writes into the log."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
