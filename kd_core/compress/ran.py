"""What onnxruntime really runs: its graph after all of its own changes, layer by layer.

A file may say INT8 and still be computed in float where the runtime has no kernel for a pattern;
only the graph that it prepares for itself tells.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import onnx
import onnxruntime

from kd_core.export.onnx_model import ONLY_ERRORS, SESSION_ERRORS

FLOAT_OPS = frozenset(
    {"Conv", "FusedConv", "NhwcFusedConv", "ConvTranspose", "Gemm", "FusedGemm", "MatMul"}
    | {"FusedMatMul"}
)
INTEGER_OPS = frozenset(
    {"QLinearConv", "ConvInteger", "QGemm", "QLinearMatMul", "MatMulInteger", "MatMulNBits"}
    | {"DynamicQuantizeMatMul", "MatMulIntegerToFloat", "MatMulInteger16"}
)


@dataclass(frozen=True)
class LayerRun:
    """A convolution or matrix product as the runtime runs it: its name and its operator."""

    name: str
    op: str


def layers_run(path: Path) -> tuple[LayerRun, ...]:
    """Convolutions and matrix products of a file, as onnxruntime prepares them on this CPU.

    Empty where the runtime does not write its graph down.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = ONLY_ERRORS
    # One level below the highest, which would only rename float convolutions for a layout
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "prepared.onnx"
        options.optimized_model_filepath = str(written)
        try:
            onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except SESSION_ERRORS:
            return ()
        model = onnx.load_model(written)
    return tuple(
        LayerRun(node.name or node.output[0], node.op_type)
        for node in model.graph.node
        if node.op_type in FLOAT_OPS | INTEGER_OPS
    )
