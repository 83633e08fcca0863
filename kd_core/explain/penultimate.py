"""What a model file sees in an image: the numbers that go into its last layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from kd_core.errors import ExportError
from kd_core.export import FileContract
from kd_core.export.contract import INPUT
from kd_core.export.onnx_model import ONLY_ERRORS, SESSION_ERRORS
from kd_core.tasks import TASKS

LAYERS = ("Gemm", "MatMul", "Conv", "QGemm", "QLinearMatMul", "QLinearConv", "MatMulInteger")
"""Operators with weights: the one nearest to the output is the last layer."""
STEPS = 12  # operators between the last layer and the output: bias, pooling, flattening
BATCH = 64


class Penultimate:
    """A file that gives its features beside its answers; pruned and quantised files, too.

    Args:
        path: A file that obeys our contract.
        threads: Threads inside one operator.

    Attributes:
        of_logits: True where no last layer was found, and the logits serve as features.

    Raises:
        ExportError: ``file_missing``, ``contract_missing``, ``session_failed``.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        if not path.is_file():
            raise ExportError("file_missing", file=path.name)
        model = onnx.load(path)
        contract = FileContract.from_metadata({p.key: p.value for p in model.metadata_props})
        if contract is None:
            raise ExportError("contract_missing", file=path.name)
        self.contract = contract
        logits = TASKS[contract.task].output
        self._name = _input_of_last_layer(model, logits) or logits
        self.of_logits = self._name == logits
        if not self.of_logits:
            model.graph.output.append(onnx.ValueInfoProto(name=self._name))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = ONLY_ERRORS
        try:
            self._session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except SESSION_ERRORS as error:
            detail = str(error).strip().splitlines()[0][:200]
            raise ExportError("session_failed", file=path.name, detail=detail) from error

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Features (n, D) of decoded images (n, C, S, S); maps are averaged over their places.

        Raises:
            ExportError: ``session_failed``.
        """
        fixed = self._session.get_inputs()[0].shape[0]
        step = fixed if isinstance(fixed, int) else BATCH
        found = []
        for start in range(0, len(images), step):
            piece = self.contract.normalise(images[start : start + step])
            n = len(piece)
            if n < step and isinstance(fixed, int):
                piece = np.concatenate([piece, np.repeat(piece[-1:], step - n, axis=0)])
            try:
                (values,) = self._session.run([self._name], {INPUT: piece})
            except SESSION_ERRORS as error:
                detail = str(error).strip().splitlines()[0][:200]
                raise ExportError("session_failed", file=INPUT, detail=detail) from error
            found.append(_flat(np.asarray(values[:n], np.float32)))
        return np.concatenate(found)


def _input_of_last_layer(model: onnx.ModelProto, output: str) -> str | None:
    """Name of the tensor that the last layer with weights reads; ``None`` if it is not found."""
    made_by = {name: node for node in model.graph.node for name in node.output}
    weights = {tensor.name for tensor in model.graph.initializer}
    name = output
    for _ in range(STEPS):
        node = made_by.get(name)
        if node is None:
            return None
        if node.op_type in LAYERS:
            return node.input[0] if node.input[0] in made_by else None
        moving = [value for value in node.input if value and value not in weights]
        if not moving:
            return None
        name = moving[0]
    return None


def _flat(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, D) from (n, D, h, w), (n, T, D) or (n, D)."""
    if values.ndim == 4:
        return np.asarray(values.mean((2, 3)))
    return np.asarray(values.mean(1)) if values.ndim == 3 else values
