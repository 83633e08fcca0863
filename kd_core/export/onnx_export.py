"""From torch to one ONNX file that was seen to give the same answers."""

from __future__ import annotations

import copy
import logging
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import ModelProto
from torch import Tensor, nn

from kd_core.config import Exporter, Settings
from kd_core.errors import ExportError
from kd_core.export.contract import INPUT, OPSET, FileContract
from kd_core.export.onnx_file import write_metadata, write_model
from kd_core.export.onnx_model import OnnxModel
from kd_core.tasks import TASKS

TOLERANCE = 1e-3
"""Largest difference of an output, relative to the largest output. float32 sums in another order
differ by about 1e-6 to 1e-5; a wrong operator differs by far more."""

SMALLEST_SCALE = 0.1
"""Outputs below this are all close to nothing; their rounding is not a share of their size."""

BATCH = 16
WRAPPER = "model.network."


class ParityReport(Settings):
    """How far torch and the exported file agree on real images.

    Attributes:
        images: Number of images compared.
        max_abs_difference: Largest difference of any output.
        changed: Images whose prediction differs.
        tolerance: Largest difference that was allowed.
        exporter: ``dynamo``, or ``torchscript`` where dynamo could not.
        fallback_reason: Why dynamo could not.
        opset: Operator set of the file.
        seconds: Wall time of the export without the comparison.
        size_bytes: Bytes of the file.
        warnings: What the exporter warned about.
    """

    images: int
    max_abs_difference: float
    changed: int
    tolerance: float
    exporter: Exporter = "dynamo"
    fallback_reason: str = ""
    opset: int = OPSET
    seconds: float
    size_bytes: int
    warnings: tuple[str, ...] = ()


def export_onnx(
    model: nn.Module,
    path: Path,
    contract: FileContract,
    images: NDArray[np.float32],
    exporter: Exporter = "dynamo",
) -> ParityReport:
    """Export a network, compare the file with it on real images, and only then keep the file.

    Args:
        model: Maps (N, C, S, S) to named outputs; it stays as it is.
        path: The file to write; an older one is replaced only by a file that agrees.
        contract: Goes into the file's metadata.
        images: Normalised validation images (n, C, S, S), at least one.
        exporter: The one that is tried first.

    Raises:
        ExportError: ``export_failed``, ``parity_failed``, ``parity_no_images``.
    """
    if not len(images):
        raise ExportError("parity_no_images")
    began = time.perf_counter()
    network = _copy(model)
    with _quiet() as said:
        exported, used, reason = _export(network, _tensor(images), exporter)
    _clean(exported)
    write_metadata(exported, contract.change(opset=OPSET))
    onnx.checker.check_model(exported)
    seconds = time.perf_counter() - began
    aside = path.with_name(f".{path.name}.parity")
    write_model(exported, aside)
    try:
        difference, changed, tolerance = _compare(network, OnnxModel(aside), contract, images)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    return ParityReport(
        images=len(images),
        max_abs_difference=difference,
        changed=changed,
        tolerance=tolerance,
        exporter=used,
        fallback_reason=reason,
        seconds=seconds,
        size_bytes=path.stat().st_size,
        warnings=tuple(said),
    )


def trace_onnx(model: nn.Module, images: NDArray[np.float32]) -> ModelProto:
    """The graph of a network within a second, to look at its work; nothing checks its answers.

    Args:
        model: Maps (N, C, S, S) to named outputs; it stays as it is.
        images: At least one image (n, C, S, S); the side is fixed by it, the batch is free.

    Raises:
        ExportError: ``export_failed``.
    """
    network = _copy(model)
    with torch.no_grad():
        names = list(network(_tensor(images[:1])))
    two = _tensor(np.concatenate([images[:1], images[-1:]]))
    try:
        with _quiet():
            traced = _torchscript(_ByOrder(network).eval(), names, two)
    except (torch.onnx.OnnxExporterError, RuntimeError) as error:
        raise ExportError("export_failed", detail=_first_line(error)) from error
    _clean(traced)
    return traced


def _copy(model: nn.Module) -> nn.Module:
    network = copy.deepcopy(model).to("cpu").eval()
    for module in network.modules():
        if getattr(module, "inplace", False):
            # The same values, but exporters know these operators only when they make a new tensor,
            # and take them apart and together again otherwise: a third of the time.
            module.inplace = False  # type: ignore[assignment]
    return network


class _ByOrder(nn.Module):
    """Outputs as a tuple in the order of their names, which is what exporters keep."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.model(images).values())


def _export(
    network: nn.Module, images: Tensor, exporter: Exporter
) -> tuple[ModelProto, Exporter, str]:
    """The model, which exporter made it, and why it was not the first one."""
    with torch.no_grad():
        names = list(network(images[:1]))
    wrapped = _ByOrder(network).eval()
    two = torch.cat([images[:1], images[-1:]])  # a batch of 1 would be taken for a constant
    reason = ""
    if exporter == "dynamo":
        try:
            return _dynamo(wrapped, names, two), "dynamo", ""
        except (torch.onnx.OnnxExporterError, RuntimeError) as error:
            reason = f"{type(error).__name__}: {_first_line(error)}"
    try:
        return _torchscript(wrapped, names, two), "torchscript", reason
    except (torch.onnx.OnnxExporterError, RuntimeError) as error:
        details = filter(None, (reason, _first_line(error)))
        raise ExportError("export_failed", detail="; ".join(details)) from error


def _dynamo(wrapped: nn.Module, names: list[str], images: Tensor) -> ModelProto:
    program = torch.onnx.export(
        wrapped,
        (images,),
        input_names=[INPUT],
        output_names=names,
        opset_version=OPSET,
        dynamo=True,
        external_data=False,
        dynamic_shapes={"images": {0: torch.export.Dim("n")}},
        verbose=False,
    )
    assert program is not None  # with dynamo=True a program always comes back
    return program.model_proto


def _torchscript(wrapped: nn.Module, names: list[str], images: Tensor) -> ModelProto:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            wrapped,
            (images,),
            str(path),
            input_names=[INPUT],
            output_names=names,
            opset_version=OPSET,
            dynamo=False,
            dynamic_axes={name: {0: "n"} for name in (INPUT, *names)},
        )
        return onnx.load_model(path)


def _clean(model: ModelProto) -> None:
    """Take out source paths and stack traces, and name weights as in the state dict."""
    graph = model.graph
    used = {(node.domain, node.op_type) for node in graph.node}
    kept = [f for f in model.functions if (f.domain, f.name) in used]
    del model.functions[:]
    model.functions.extend(kept)
    graph.doc_string = ""
    holders = (graph, *graph.input, *graph.output, *graph.value_info, *graph.initializer)
    for holder in (*holders, *graph.node):
        holder.ClearField("metadata_props")
        holder.ClearField("doc_string")
    for tensor in graph.initializer:
        tensor.name = tensor.name.removeprefix(WRAPPER)
    for value in graph.value_info:
        value.name = value.name.removeprefix(WRAPPER)
    for node in graph.node:
        node.input[:] = [name.removeprefix(WRAPPER) for name in node.input]


def _compare(
    network: nn.Module, file: OnnxModel, contract: FileContract, images: NDArray[np.float32]
) -> tuple[float, int, float]:
    """Largest difference, changed predictions, and the tolerance; an error beyond it."""
    task = TASKS[contract.task]
    difference, largest = 0.0, SMALLEST_SCALE
    changed = 0
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH]
        with torch.no_grad():
            wanted = network(_tensor(batch))
        given = file.predict(batch, batch=BATCH)
        for name, value in wanted.items():
            gap = np.abs(value.numpy() - given[name])
            difference = float(np.maximum(difference, gap.max()))  # keeps NaN
            largest = max(largest, float(value.abs().max()))
        logits = wanted[task.output], torch.from_numpy(given[task.output])
        before, after = (task.decode(task.probabilities(value)) for value in logits)
        differs = (before != after).reshape(len(batch), -1).any(dim=1)  # (n,)
        changed += int(differs.sum())
    tolerance = TOLERANCE * largest
    if not difference <= tolerance:  # NaN too is a failure
        raise ExportError(
            "parity_failed",
            difference=float(np.nan_to_num(difference, nan=-1.0)),
            tolerance=tolerance,
            changed=changed,
            images=len(images),
        )
    return difference, changed, tolerance


def _tensor(images: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(images, np.float32))


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


@contextmanager
def _quiet() -> Iterator[list[str]]:
    """Collect warnings of the exporter instead of showing them; its log lines are held back."""
    said: list[str] = []
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield said
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
            said.extend(dict.fromkeys(str(w.message).splitlines()[0][:200] for w in caught))
