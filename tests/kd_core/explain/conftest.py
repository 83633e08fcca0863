"""Networks and files whose answer depends on one corner, so that it is known where they look."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from kd_core.export import FileContract, OnnxModel
from kd_core.export.onnx_file import write_metadata
from kd_core.models import TaskModel
from kd_core.models.task_model import NetworkSpec

SIDE = 16


def corner_file(folder: Path, task="classification", batch="n") -> OnnxModel:
    """Logit 1 grows with the light in the upper left quarter of a grey image; logit 0 is 0."""
    weight = np.zeros((SIDE * SIDE, 2), np.float32)
    quarter = np.zeros((SIDE, SIDE), bool)
    quarter[: SIDE // 2, : SIDE // 2] = True
    weight[quarter.ravel(), 1] = 4.0 / quarter.sum()
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["images"], ["flat"]),
            helper.make_node("Relu", ["flat"], ["features"]),
            helper.make_node("Gemm", ["features", "weight", "bias"], ["logits"]),
        ],
        "corner",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 1, SIDE, SIDE])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, 2])],
        [
            numpy_helper.from_array(weight, "weight"),
            numpy_helper.from_array(np.array([0, -3], np.float32), "bias"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    contract = FileContract(
        classes=("no", "yes"), mean=(0.5,), std=(0.25,), size=SIDE, channels=1, task=task
    )
    write_metadata(model, contract)
    path = folder / "corner.onnx"
    onnx.save(model, path)
    return OnnxModel(path)


class Plain(nn.Module):
    """Feature maps, their mean over places, a matrix."""

    def __init__(self, convolution: nn.Module, maps: int, classes: int) -> None:
        super().__init__()
        self.convolution = convolution
        self.head = nn.Linear(maps, classes, bias=False)

    def forward(self, images):
        return self.head(self.convolution(images).mean((2, 3)))


def as_model(network: nn.Module, n_outputs: int, channels=1, size=SIDE) -> TaskModel:
    spec = NetworkSpec(name="tiny_cnn", n_outputs=n_outputs, channels=channels, size=size)
    return TaskModel(network, spec).eval()


@pytest.fixture
def corner(tmp_path):
    return corner_file(tmp_path)


@pytest.fixture
def a_corner(tmp_path):
    return lambda **options: corner_file(tmp_path, **options)


@pytest.fixture
def plain():
    return Plain


@pytest.fixture
def task_model():
    return as_model


@pytest.fixture
def share_in_corner():
    """How much of a map lies in the upper left quarter."""

    def share(values):
        height, width = values.shape
        return values[: height // 2, : width // 2].sum() / values.sum()

    return share
