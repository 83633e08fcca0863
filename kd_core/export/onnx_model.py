"""A model as it is deployed: an ONNX file, run by onnxruntime on a fixed number of threads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as state

from kd_core.errors import ExportError
from kd_core.export.contract import INPUT, FileContract
from kd_core.export.onnx_adopt import adopt

BATCH = 64
ONLY_ERRORS = 3  # onnxruntime's log severity
EXACT_INT8 = "session.x64quantprecision"  # onnxruntime's switch for sums without saturation

SESSION_ERRORS = (
    *(state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf),
    *(state.NoSuchFile, state.NotImplemented, state.RuntimeException, state.EPFail),
)


class OnnxModel:
    """An ONNX file that obeys our contract.

    Equal images, batch size, thread count and machine give equal answers, bit for bit.

    Args:
        path: The file.
        threads: Threads inside one operator; operators run one after the other.

    Attributes:
        contract: How to feed the file and how to read its answers.

    Raises:
        ExportError: ``file_missing``, ``session_failed``, ``contract_missing``.
    """

    contract: FileContract

    def __init__(self, path: Path, threads: int = 1) -> None:
        self.path = path
        self._session = open_session(path, threads)
        metadata = self._session.get_modelmeta().custom_metadata_map
        contract = FileContract.from_metadata(metadata)
        inputs = self._session.get_inputs()
        if contract is None or [value.name for value in inputs] != [INPUT]:
            raise ExportError("contract_missing", file=path.name)
        self.contract = contract
        self._outputs = [output.name for output in self._session.get_outputs()]
        first = inputs[0].shape[0]
        self._fixed_batch = first if isinstance(first, int) else None

    @classmethod
    def adopt(cls, source: Path, target: Path, contract: FileContract) -> OnnxModel:
        """A foreign file, made to obey our contract at ``target``; see :mod:`.onnx_adopt`.

        Raises:
            UploadError: The file is unsafe or no image model.
            ModelError: It does not fit the contract.
            ExportError: onnxruntime cannot run it.
        """
        adopt(source, target, contract)
        model = cls(target)
        shape = (1, model.contract.channels, model.contract.size, model.contract.size)
        model.predict(np.zeros(shape, np.float32))  # it may still fail when it is run
        return model

    def predict(
        self, images: NDArray[np.float32], batch: int = BATCH
    ) -> dict[str, NDArray[np.float32]]:
        """Outputs by name, (n, …), of normalised images (n, C, S, S).

        Raises:
            ExportError: ``images_shape`` or ``session_failed``.
        """
        return self._in_batches(images, batch, normalise=False)

    def predict_uint8(
        self, images: NDArray[np.uint8], batch: int = BATCH
    ) -> dict[str, NDArray[np.float32]]:
        """Outputs by name, (n, …), of decoded images (n, C, S, S); they may be memory-mapped.

        Raises:
            ExportError: ``images_shape`` or ``session_failed``.
        """
        return self._in_batches(images, batch, normalise=True)

    def _in_batches(
        self, images: NDArray[Any], batch: int, normalise: bool
    ) -> dict[str, NDArray[np.float32]]:
        wanted = (self.contract.channels, self.contract.size, self.contract.size)
        if images.ndim != 4 or images.shape[1:] != wanted or not len(images):
            raise ExportError("images_shape", got=list(images.shape), expected=list(wanted))
        step = self._fixed_batch or batch
        pieces = []
        for start in range(0, len(images), step):
            piece = images[start : start + step]
            piece = self.contract.normalise(piece) if normalise else piece
            pieces.append(self._run(np.ascontiguousarray(piece, np.float32)))
        return {
            name: np.concatenate([piece[index] for piece in pieces])
            for index, name in enumerate(self._outputs)
        }

    def _run(self, images: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        n = len(images)
        if self._fixed_batch and n < self._fixed_batch:  # the file takes full batches only
            padding = np.repeat(images[-1:], self._fixed_batch - n, axis=0)
            images = np.concatenate([images, padding])
        try:
            outputs = self._session.run(self._outputs, {INPUT: images})
        except SESSION_ERRORS as error:
            raise _session_failed(self.path, error) from error
        return [output[:n] for output in outputs]


def open_session(
    path: Path, threads: int, options: onnxruntime.SessionOptions | None = None
) -> onnxruntime.InferenceSession:
    """A session on the CPU with fixed threads and sequential operators.

    Args:
        path: The file.
        threads: Threads inside one operator.
        options: Options to start from; ``None`` is a session for answers that count, in which
            INT8 sums are exact. (Processors with AVX2 but without VNNI are faster with sums that
            can saturate, which other processors do not do; that would be this machine's accuracy
            and not the file's.)

    Raises:
        ExportError: ``file_missing`` or ``session_failed``.
    """
    if not path.is_file():
        raise ExportError("file_missing", file=path.name)
    if options is None:
        options = onnxruntime.SessionOptions()
        options.add_session_config_entry(EXACT_INT8, "1")
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = ONLY_ERRORS
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except SESSION_ERRORS as error:
        raise _session_failed(path, error) from error


def _session_failed(path: Path, error: Exception) -> ExportError:
    detail = str(error).strip().splitlines()
    return ExportError("session_failed", file=path.name, detail=detail[0][:200] if detail else "")
