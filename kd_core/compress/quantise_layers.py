"""Layer by layer: what the runtime really computes in INT8, and how much each layer's INT8 costs.

A layer's error is measured where it counts, at the network's outputs: the layer alone is quantised,
everything else stays in float, and

    error = ‖outputs − float outputs‖ / ‖float outputs − their mean over images‖

so 0.1 means that the layer moves the answers by a tenth of how much images differ from each other.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto

from kd_core.compress.quantise_calibrate import BATCH, Ranges
from kd_core.compress.quantise_graph import WEIGHTED, Layer, batch_of, layers, pieces
from kd_core.compress.quantise_qdq import KERNELS, TRANSFORMER, Scheme, write_qdq
from kd_core.export.contract import INPUT
from kd_core.export.onnx_file import write_model
from kd_core.export.onnx_model import open_session
from kd_core.text import Msg
from kd_core.train.modes import Tick

INTEGER = frozenset(
    {"QGemm", "ConvInteger", "MatMulInteger", "MatMulIntegerToFloat", "DynamicQuantizeMatMul"}
    | {"MatMulNBits"}
)
DATA_ONLY = frozenset({"MaxPool", "Relu", "Clip"})  # one kernel takes floats and integers
RENAMED = re.compile(r"(_token_\d+|_quant|_nchwc|_MatMul)*$")  # what the runtime adds to a name


def prepared_by_runtime(path: Path) -> list[NodeProto]:
    """The nodes that onnxruntime makes of a file on this machine, before it orders them in memory.

    Raises:
        ExportError: ``session_failed`` or ``file_missing``.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "prepared.onnx"
        options.optimized_model_filepath = str(target)
        open_session(path, 1, options)
        return list(onnx.load_model(target).graph.node)


def is_integer(node: NodeProto) -> bool:
    """Whether a node of the runtime computes in integers."""
    return node.op_type.startswith("QLinear") or node.op_type in INTEGER


def layer_table(
    model: ModelProto,
    path: Path,
    floats: Collection[str] = (),
    errors: Mapping[str, float] | None = None,
) -> list[dict[str, Any]]:
    """One row for each layer of the float model: what became of it in the file at ``path``.

    Args:
        model: The prepared float model.
        path: The quantised file.
        floats: Nodes that were left in float on purpose.
        errors: Error of each layer by node, where measured.

    Returns:
        JSON-safe rows: ``name``, ``op``, ``state`` (``int8``, ``float``, or ``moved`` for what
        is part of another layer or only passes numbers on), ``why`` of a float one (a message),
        ``error`` and ``depthwise``.
    """
    run = {RENAMED.sub("", node.name): node for node in prepared_by_runtime(path)}
    heavy = {node.op_type for node in model.graph.node} & TRANSFORMER
    rows = []
    for layer in layers(model):
        state, why = _state(layer, run.get(layer.node), layer.node in floats, bool(heavy))
        error = (errors or {}).get(layer.node)
        rows.append(
            {
                "name": layer.name,
                "op": layer.op,
                "state": state,
                "why": why.to_json() if why else None,
                "error": error,
                "depthwise": layer.depthwise,
            }
        )
    return rows


def _state(
    layer: Layer, node: NodeProto | None, chosen: bool, transformer: bool
) -> tuple[str, Msg | None]:
    if node is not None and is_integer(node):
        return "int8", None
    if chosen:
        return "float", Msg("quantise.why.chosen")
    if layer.op not in KERNELS:
        return "float", Msg("quantise.why.no_kernel", {"op": layer.op})
    if transformer and layer.op not in WEIGHTED:
        return "float", Msg("quantise.why.transformer")
    if node is None or layer.op in DATA_ONLY:
        return "moved", None  # part of its neighbour, or the same in both formats
    return "float", Msg("quantise.why.pattern", {"op": layer.op})


def counts(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many layers are in INT8, in float, and in float although they multiply by weights.

    >>> counts([{"state": "int8", "op": "Conv"}, {"state": "float", "op": "HardSwish"}])
    {'int8': 1, 'float': 1, 'weighted_float': 0}
    """
    states = [(row["state"], row["op"] in WEIGHTED) for row in rows]
    return {
        "int8": sum(state == "int8" for state, _ in states),
        "float": sum(state == "float" for state, _ in states),
        "weighted_float": sum(state == "float" and heavy for state, heavy in states),
    }


def layer_errors(
    model: ModelProto,
    ranges: Ranges,
    scheme: Scheme,
    images: NDArray[np.float32],
    tick: Tick = lambda stage, done, total: None,
) -> dict[str, float]:
    """The error of each layer with weights by its node, as the module text says.

    Args:
        model: The prepared float model.
        ranges: Range of each tensor.
        scheme: How numbers would be stored.
        images: Normalised training images (n, C, S, S).
        tick: Reports progress.
    """
    wanted = [layer.node for layer in layers(model) if layer.weight]
    errors = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        truth = _outputs(model, path, images)  # (n, K)
        spread = float(np.linalg.norm(truth - truth.mean(0))) or 1.0
        for number, node in enumerate(wanted):
            tick("compress", number, len(wanted))
            one = write_qdq(model, ranges, scheme, only=[node])
            errors[node] = float(np.linalg.norm(_outputs(one, path, images) - truth)) / spread
    return errors


def _outputs(model: ModelProto, path: Path, images: NDArray[np.float32]) -> NDArray[np.float32]:
    write_model(model, path)
    session = open_session(path, 1)
    size = batch_of(model) or min(BATCH, len(images))
    parts = [session.run(None, {INPUT: piece})[0] for piece in pieces(images, size)]
    return np.concatenate(parts)  # (n, K)
