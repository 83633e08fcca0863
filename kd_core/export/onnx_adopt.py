"""Making a foreign ONNX file obey our contract; what it computes stays as it is."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto

from kd_core.errors import ModelError
from kd_core.export.contract import INPUT, FileContract
from kd_core.export.onnx_file import (
    OnnxInfo,
    describe,
    read_onnx,
    with_inner,
    write_metadata,
    write_model,
)
from kd_core.tasks import TASKS

PREFIX = "model/"  # before all names of the foreign file, so that ours are free
CLOSING = ("Softmax", "Sigmoid")

Step = tuple[str, dict[str, Any]]


def adopt(source: Path, target: Path, contract: FileContract) -> FileContract:
    """Write a foreign file again so that everything here can use it.

    Input and output get our names, images with channels last are turned, a closing softmax or
    sigmoid is passed by so that logits come out, and the contract is written into the file. A file
    that carries a contract of its own keeps its normalisation, calibration and thresholds.

    Args:
        source: The foreign file.
        target: The file to write.
        contract: What the study expects.

    Returns:
        The contract of the new file.

    Raises:
        UploadError: As :func:`~kd_core.export.onnx_file.check_onnx_file`.
        ModelError: ``onnx_channels_differ``, ``onnx_size_differs``, ``onnx_outputs_differ`` or
            ``onnx_classes_differ``.
    """
    model = read_onnx(source)
    info = describe(model)
    output = _fitting_output(info, contract, source.name)
    contract = _merge(info, contract, source.name).change(opset=info.opset)

    model = onnx.compose.add_prefix(model, PREFIX)
    _replace_input(model.graph, info)
    _replace_output(
        model.graph, PREFIX + output, TASKS[contract.task].output, len(contract.classes)
    )
    _prune(model)
    write_metadata(model, contract)
    onnx.checker.check_model(model)
    write_model(model, target)
    return contract


def _fitting_output(info: OnnxInfo, contract: FileContract, file: str) -> str:
    """Name of the output (n, K) with one column a class."""
    wanted = len(contract.classes)
    if info.channels not in (None, contract.channels):
        raise ModelError(
            "onnx_channels_differ", file=file, found=info.channels, expected=contract.channels
        )
    if info.side not in (None, contract.size):
        raise ModelError("onnx_size_differs", file=file, found=info.side, expected=contract.size)
    for name, shape in info.outputs.items():
        if len(shape) == 2 and shape[1] in (None, wanted):
            return name
    found = [shape[1] for shape in info.outputs.values() if len(shape) == 2]
    raise ModelError("onnx_outputs_differ", file=file, found=found[0], expected=wanted)


def _merge(info: OnnxInfo, contract: FileContract, file: str) -> FileContract:
    theirs = info.contract
    if theirs is None:
        return contract
    if (theirs.classes, theirs.task) != (contract.classes, contract.task):
        raise ModelError(
            "onnx_classes_differ",
            file=file,
            found=list(theirs.classes),
            expected=list(contract.classes),
        )
    kept = ("mean", "std", "interpolation", "calibration", "threshold")
    return contract.change(**{name: getattr(theirs, name) for name in kept})


def _replace_input(graph: GraphProto, info: OnnxInfo) -> None:
    inner = PREFIX + info.input_name
    old = next(value for value in graph.input if value.name == inner)
    shape: list[str | int | None] = [d or f"d{i}" for i, d in enumerate(info.input_shape)]
    steps: list[Step] = []
    if info.layout == "nhwc":
        shape = [shape[0], shape[3], shape[1], shape[2]]
        steps.append(("Transpose", {"perm": [0, 2, 3, 1]}))
    if old.type.tensor_type.elem_type == TensorProto.FLOAT16:
        steps.append(("Cast", {"to": TensorProto.FLOAT16}))
    for node in reversed(_chain(INPUT, inner, steps)):
        graph.node.insert(0, node)
    graph.input.remove(old)
    images = onnx.helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, shape)
    graph.input.insert(0, images)


def _replace_output(graph: GraphProto, inner: str, name: str, classes: int) -> None:
    value = next(v for v in graph.output if v.name == inner)
    half = value.type.tensor_type.elem_type == TensorProto.FLOAT16
    last = next(node for node in graph.node if inner in node.output)
    source = last.input[0] if last.op_type in CLOSING else inner
    steps: list[Step] = [("Cast", {"to": TensorProto.FLOAT})] if half else []
    graph.node.extend(_chain(source, name, steps))
    shape: list[str | int | None] = ["n", classes]
    del graph.output[:]
    graph.output.append(onnx.helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))


def _chain(first: str, last: str, steps: list[Step]) -> list[NodeProto]:
    """Nodes that lead from one value to another, at least an identity."""
    steps = steps or [("Identity", {})]
    names = [first, *(f"{last}/{index}" for index in range(1, len(steps))), last]
    return [
        onnx.helper.make_node(op, [before], [after], name=f"{after}/{op}", **attributes)
        for (op, attributes), (before, after) in zip(steps, itertools.pairwise(names), strict=True)
    ]


def _prune(model: ModelProto) -> None:
    """Take out nodes that no longer lead to an output."""
    graph = model.graph
    needed = {value.name for value in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed & set(node.output):
            kept.append(node)
            needed.update(name for inner in with_inner(node) for name in inner.input)
    kept.reverse()
    del graph.node[:]
    graph.node.extend(kept)
    del graph.value_info[:]  # shapes of values that may be gone; they can be inferred again
