"""Small ONNX files by hand: a mean over the image and a matrix, so that answers can be checked."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from kd_core.export.contract import FileContract
from kd_core.export.onnx_file import write_metadata

WEIGHT = np.array([[1.0, -2.0, 3.0]], np.float32)  # (C, K) for one channel
BIAS = np.array([0.5, 0.0, -1.0], np.float32)


def answer(images: np.ndarray) -> np.ndarray:
    """What the files below compute, by numpy: (n, 1, S, S) to (n, 3)."""
    return images.mean(axis=(2, 3)) @ WEIGHT + BIAS


def make(
    layout="nchw", batch="n", side=8, closing=None, half=False, names=("x", "y"), channels=1
) -> onnx.ModelProto:
    kind = TensorProto.FLOAT16 if half else TensorProto.FLOAT
    dtype = np.float16 if half else np.float32
    weight = np.repeat(WEIGHT, channels, axis=0) / channels
    nodes, current = [], names[0]
    if layout == "nhwc":
        nodes.append(helper.make_node("Transpose", [current], ["t"], perm=[0, 3, 1, 2]))
        current = "t"
    nodes += [
        helper.make_node("GlobalAveragePool", [current], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "w", "b"], ["g" if closing else names[1]]),
    ]
    if closing:
        nodes.append(helper.make_node(closing, ["g"], [names[1]]))
    shape = [batch, channels, side, side]
    shape = [batch, side, side, channels] if layout == "nhwc" else shape
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info(names[0], kind, shape)],
        [helper.make_tensor_value_info(names[1], kind, [batch, 3])],
        [
            numpy_helper.from_array(weight.astype(dtype), "w"),
            numpy_helper.from_array(BIAS.astype(dtype), "b"),
        ],
    )
    opset = [helper.make_opsetid("", 20)]
    return helper.make_model(graph, opset_imports=opset, ir_version=10)


def a_contract(**changes) -> FileContract:
    values = {"classes": ("a", "b", "c"), "mean": (0.4,), "std": (0.2,), "size": 8, "channels": 1}
    return FileContract(**{**values, **changes})


@pytest.fixture
def toy():
    return make


@pytest.fixture
def contract():
    return a_contract


@pytest.fixture
def by_hand():
    return answer


@pytest.fixture
def ours(tmp_path):
    """A file that obeys our contract."""
    model = make(names=("images", "logits"))
    write_metadata(model, a_contract())
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    return tmp_path / "model.onnx"
