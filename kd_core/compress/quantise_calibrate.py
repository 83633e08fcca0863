"""Which numbers flow through a network: ranges of its tensors on training images."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto
from onnxruntime.quantization.calibrate import (
    CalibraterBase,
    CalibrationDataReader,
    CalibrationMethod,
    create_calibrator,
)

from kd_core.compress.quantise_graph import batch_of, pieces
from kd_core.export.contract import INPUT
from kd_core.export.onnx_file import write_model
from kd_core.train.modes import Tick

Method = Literal["minmax", "entropy", "percentile"]
Ranges = Mapping[str, tuple[float, float]]
"""Lowest and highest value of each tensor, by its name in the float model."""

METHODS: dict[str, CalibrationMethod] = {
    "minmax": CalibrationMethod.MinMax,
    "entropy": CalibrationMethod.Entropy,
    "percentile": CalibrationMethod.Percentile,
}
PERCENTILE = 99.99  # of each tensor's values, on either side
BATCH = 16
"""Images at once; onnxruntime's calibrators hold every tensor of a batch in memory."""


class _Batch(CalibrationDataReader):  # type: ignore[misc]
    """One batch, then nothing."""

    def __init__(self, images: NDArray[np.float32]) -> None:
        self.batches: Iterator[dict[str, NDArray[np.float32]]] = iter([{INPUT: images}])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:  # type: ignore[override]
        return next(self.batches, None)


def calibrate(
    model: ModelProto,
    images: NDArray[np.float32],
    method: Method = "minmax",
    symmetric: bool = False,
    tick: Tick = lambda stage, done, total: None,
) -> dict[str, tuple[float, float]]:
    """Ranges of all tensors of a prepared float model.

    MinMax takes the extremes; percentile leaves out the outermost 0.01 % on either side; entropy
    cuts where the Kullback-Leibler divergence between the float and the 8-bit histogram is
    smallest (Migacz 2017).

    Args:
        model: As :func:`~kd_core.compress.quantise_graph.prepare` leaves it.
        images: Normalised training images (n, C, S, S), never of another part.
        method: How a range is chosen.
        symmetric: Ranges with 0 in the middle.
        tick: Reports progress.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "float.onnx"
        write_model(model, path)
        calibrator = create_calibrator(
            str(path),
            augmented_model_path=str(Path(folder) / "watched.onnx"),
            calibrate_method=METHODS[method],
            providers=["CPUExecutionProvider"],
            extra_options=_options(method, symmetric),
        )
        size = batch_of(model) or min(BATCH, len(images))
        found = _collect(calibrator, list(pieces(images, size)), tick)
    return {name: _pair(value.range_value) for name, value in found.items()}


def _options(method: Method, symmetric: bool) -> dict[str, object]:
    if method == "percentile":
        return {"symmetric": symmetric, "percentile": PERCENTILE}
    return {"symmetric": symmetric}


def _collect(
    calibrator: CalibraterBase,
    batches: Sequence[NDArray[np.float32]],
    tick: Tick,
) -> Mapping[str, Any]:
    for number, batch in enumerate(batches):
        tick("compress", number, len(batches))
        with redirect_stdout(io.StringIO()):  # the calibrators print what they do
            calibrator.collect_data(_Batch(batch))
    with redirect_stdout(io.StringIO()):
        return calibrator.compute_data()  # type: ignore[no-any-return]


def _pair(values: tuple[Any, Any]) -> tuple[float, float]:
    low, high = (float(np.ravel(value)[0]) for value in values)
    return low, high
