"""A small network as an ONNX file by our contract, written by hand: no export, no training.

    images ─► conv 3×3 ─► relu ─► depthwise 3×3 ─► hard swish ─► conv 1×1 ─► batch norm ─► + ─►
           mean ─► linear ─► logits

The sum is with the first relu. Its weights are drawn, so it knows nothing; its numbers spread.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from kd_core.compress import Workshop
from kd_core.data.loaded import LoadedData
from kd_core.export.contract import FileContract
from kd_core.export.onnx_file import write_metadata, write_model
from tests.helpers_data import tiny_data

WIDTH = 8


def small_model(classes: int = 3, channels: int = 3, size: int = 16, seed: int = 0) -> ModelProto:
    """The network of the module text without metadata."""
    rng = np.random.default_rng(seed)
    weights: dict[str, np.ndarray] = {
        "stem.weight": rng.standard_normal((WIDTH, channels, 3, 3)) * 0.3,
        "stem.bias": rng.standard_normal(WIDTH) * 0.1,
        "depth.weight": rng.standard_normal((WIDTH, 1, 3, 3)) * 0.4,
        "point.weight": rng.standard_normal((WIDTH, WIDTH, 1, 1)) * 0.5,
        "norm.weight": rng.uniform(0.5, 2, WIDTH),
        "norm.bias": rng.standard_normal(WIDTH) * 0.1,
        "norm.mean": rng.standard_normal(WIDTH) * 0.1,
        "norm.var": rng.uniform(0.5, 2, WIDTH),
        "head.weight": rng.standard_normal((classes, WIDTH)) * 2,
        "head.bias": rng.standard_normal(classes) * 0.1,
    }
    norm = ["norm.weight", "norm.bias", "norm.mean", "norm.var"]
    pads = {"pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("Conv", ["images", "stem.weight", "stem.bias"], ["c1"], "stem", **pads),
        helper.make_node("Relu", ["c1"], ["r1"], "relu"),
        helper.make_node("Conv", ["r1", "depth.weight"], ["c2"], "depth", group=WIDTH, **pads),
        helper.make_node("HardSwish", ["c2"], ["h"], "swish"),
        helper.make_node("Conv", ["h", "point.weight"], ["c3"], "point"),
        helper.make_node("BatchNormalization", ["c3", *norm], ["b"], "norm"),
        helper.make_node("Add", ["b", "r1"], ["s"], "sum"),
        helper.make_node("ReduceMean", ["s", "axes"], ["m"], "mean", keepdims=0),
        helper.make_node("Gemm", ["m", "head.weight", "head.bias"], ["logits"], "head", transB=1),
    ]
    held = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in weights.items()]
    held.append(numpy_helper.from_array(np.array([2, 3]), "axes"))
    image = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", channels, size, size])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", classes])
    graph = helper.make_graph(nodes, "small", [image], [logits], held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def contract_for(data: LoadedData) -> FileContract:
    """The contract of a file for this data."""
    return FileContract(
        classes=data.classes,
        mean=data.mean,
        std=data.std,
        size=data.size,
        channels=data.channels,
        task=data.task,
    )


def small_file(path: Path, data: LoadedData) -> Path:
    """The network as a file for this data."""
    model = small_model(len(data.classes), data.channels, data.size)
    write_metadata(model, contract_for(data))
    write_model(model, path)
    return path


def small_shop(folder: Path, **changes: object) -> Workshop:
    """A workshop with tiny data, and a folder of its own below."""
    data = tiny_data()
    (folder / "shop").mkdir()
    values = {"data": data, "mean": data.mean, "std": data.std, "folder": folder / "shop"}
    return Workshop(**{**values, **changes})  # type: ignore[arg-type]
