"""A result file on its way in: read, held against the bundle that it belongs to, and judged.

Nothing is believed that can be checked: the form and size of the file, the seal over its content,
the hashes of models and scripts, the answers of every model to the bundle's pixels, and whether the
figures can be true at all. What fails is refused as a whole, with its reason.
"""

from __future__ import annotations

import hmac
import json
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kd_core.errors import ConfigError, UploadError
from kd_core.latency.bundle_records import (
    VERSION,
    Issued,
    IssuedModel,
    MeasuredModel,
    ResultFile,
    ToolOutput,
    seal_of,
)
from kd_core.latency.bundle_tools import TOOLS
from kd_core.latency.devices import DeviceSpec
from kd_core.latency.records import Measurement

LARGEST_BYTES = 20_000_000
LONGEST_MS = 3_600_000.0  # an hour for one call
FASTEST_MACS_PER_S = 2e15
"""More multiply-accumulates a second than any single accelerator does at batch 1."""

LARGEST_RELATIVE_ERROR = 0.1
"""Of a tool's own comparison with the reference: what rounding to eight bits may cost."""

FEWEST_REPEATS = 5
X86 = ("x86_64", "amd64", "i386", "i686", "x86")
RATE_ERROR = 0.02


@dataclass(frozen=True)
class Accepted:
    """One model of a result, checked.

    Attributes:
        model: What was issued.
        measurement: What was measured.
    """

    model: IssuedModel
    measurement: Measurement


def read_result(content: bytes) -> ResultFile:
    """The file, by its form alone.

    Raises:
        UploadError: ``result_too_large``, ``result_not_json``, ``result_form``, ``result_newer``.
    """
    if len(content) > LARGEST_BYTES:
        raise UploadError("result_too_large", size=len(content), limit=LARGEST_BYTES)
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        raise UploadError("result_not_json") from None
    if not isinstance(data, dict) or data.get("format") != "kdlab-result":
        raise UploadError("result_not_json")
    if isinstance(data.get("version"), int) and data["version"] > VERSION:
        raise UploadError("result_newer", version=data["version"], known=VERSION)
    try:
        return ResultFile.from_json(data)
    except ConfigError as error:
        raise UploadError("result_form", field=str(error.fields.get("field", ""))) from None


def check_result(
    content: bytes,
    issued_of: Callable[[str], Issued | None],
    device_of: Callable[[str], DeviceSpec | None] = lambda name: None,
) -> tuple[Issued, list[Accepted]]:
    """What a result measured, if it can be believed.

    Args:
        content: The file.
        issued_of: A bundle's id to what was remembered of it, ``None`` if nobody here made it.
        device_of: A device's name to what it is, ``None`` if it is unknown by now.

    Raises:
        UploadError: Those of :func:`read_result`, ``result_foreign``, ``result_changed``,
            ``result_script``, ``result_machine``, ``result_model``, ``result_answers``,
            ``result_implausible``, ``result_empty``.
        ExportError: ``tool_log_unreadable``.
    """
    result = read_result(content)
    issued = issued_of(result.bundle)
    if issued is None:
        raise UploadError("result_foreign", bundle=result.bundle)
    if not hmac.compare_digest(result.seal, seal_of(json.loads(content), issued.key)):
        raise UploadError("result_changed", bundle=result.bundle)
    for field in ("device", "runtime"):
        if getattr(result, field) != getattr(issued, field):
            raise UploadError("result_changed", bundle=result.bundle)
    for name, wanted in issued.scripts.items():
        if result.scripts.get(name) != wanted:
            raise UploadError("result_script", name=name)
    _check_machine(result, device_of(issued.device))
    if not result.results:
        reason = result.failed[0].error if result.failed else "–"
        raise UploadError("result_empty", reason=reason)
    known = {model.sha256: model for model in issued.models}
    accepted: list[Accepted] = []
    for one in result.results:
        if one.sha256 not in known:
            raise UploadError("result_model", sha256=one.sha256[:12])
        model = known[one.sha256]
        if isinstance(one, MeasuredModel):
            figures = _measured(result, issued, model, one)
        else:
            figures = [_by_tool(result, issued, model, one)]
        accepted += [Accepted(model, figure) for figure in figures]
    return issued, accepted


def _measured(
    result: ResultFile, issued: Issued, model: IssuedModel, one: MeasuredModel
) -> list[Measurement]:
    """Figures that our own protocol gave, one a batch size."""
    gap = _check_answers(model, one.outputs)
    found = []
    for run in one.runs:
        rate = run.batch / run.latency_ms_p50 * 1e3 if run.latency_ms_p50 > 0 else math.inf
        right = abs(run.images_per_s - rate) <= RATE_ERROR * rate
        _check_times(model, run.latency_ms_p50, run.latency_ms_p95, run.repeats, run.batch)
        if not right:
            raise UploadError("result_implausible", name=model.name, what="images_per_s")
        found.append(
            _measurement(
                result,
                issued,
                model,
                **run.model_dump(),
                runtime_version=one.runtime_version,
                threads=one.threads,
                load_ms=one.load_ms,
                baseline_memory_bytes=one.baseline_memory_bytes,
                preprocess_ms_p50=one.preprocess_ms_p50,
                preprocess_ms_p95=one.preprocess_ms_p95,
                preprocess_source_px=one.preprocess_source_px,
                decode_ms_p50=one.decode_ms_p50,
                answer_ms_p50=one.answer_ms_p50,
                measured_at=one.measured_at,
                governor=one.governor,
                frequency_mhz=one.frequency_mhz,
                temperature_c=one.temperature_c,
                parity_max_abs_difference=gap,
            )
        )
    return found


def _by_tool(
    result: ResultFile, issued: Issued, model: IssuedModel, one: ToolOutput
) -> Measurement:
    """The figure that a maker's tool wrote down."""
    tool = TOOLS.get(issued.runtime)
    if tool is None or tool.name != one.tool:
        raise UploadError("result_changed", bundle=issued.bundle)
    figures = tool.read(one.log)
    gap = None
    if tool.answers:
        gap = _check_answers(model, one.outputs, only=1)
    elif figures.relative_error is None or figures.relative_error > LARGEST_RELATIVE_ERROR:
        error, limit = figures.relative_error, LARGEST_RELATIVE_ERROR
        raise UploadError("result_answers", name=model.name, gap=error, limit=limit)
    _check_times(model, figures.p50_ms, figures.p95_ms, figures.repeats, 1)
    return _measurement(
        result,
        issued,
        model,
        batch=1,
        warmup=figures.warmup,
        repeats=figures.repeats,
        latency_ms_p50=figures.p50_ms,
        latency_ms_p95=figures.p95_ms,
        images_per_s=1e3 / figures.p50_ms,
        runtime_version=figures.version,
        threads=1,
        measured_at=one.measured_at,
        parity_max_abs_difference=gap,
        cpu=figures.device or result.machine.cpu,
    )


def _measurement(
    result: ResultFile, issued: Issued, model: IssuedModel, **figures: object
) -> Measurement:
    shared = {
        "target_device": issued.device,
        "runtime": issued.runtime,
        "precision": model.precision,
        "channels": model.channels,
        "size": model.size,
        "model_sha256": model.sha256,
        "model_size_bytes": model.size_bytes,
        "cpu": result.machine.cpu,
        "cpu_cores": result.machine.cores,
        "os": result.machine.os,
        "bundle": issued.bundle,
    }
    return Measurement.from_json({**shared, **figures})


def _check_answers(
    model: IssuedModel, outputs: tuple[tuple[float, ...], ...], only: int = 0
) -> float:
    """Largest distance from the issued answers.

    Raises:
        UploadError: ``result_answers``.
    """
    wanted = np.asarray(model.outputs[: only or None])  # (n, K)
    sizes = [len(row) for row in outputs]
    if sizes != [wanted.shape[1]] * len(wanted):
        raise UploadError("result_answers", name=model.name, gap=None, limit=model.tolerance)
    gap = float(np.abs(np.asarray(outputs) - wanted).max())
    if not gap <= model.tolerance:
        raise UploadError("result_answers", name=model.name, gap=gap, limit=model.tolerance)
    return gap


def _check_machine(result: ResultFile, device: DeviceSpec | None) -> None:
    """Whether the processor is of the device's family; a maker's tool may run on another computer.

    Raises:
        UploadError: ``result_machine``.
    """
    machine = result.machine.machine.lower()
    if device is None or result.runtime in TOOLS:
        return
    is_x86 = machine in X86
    if (device.core == "x86" and not is_x86) or (device.core.endswith("_arm") and is_x86):
        raise UploadError(
            "result_machine",
            device=result.device,
            machine=result.machine.machine,
            cpu=result.machine.cpu,
        )


def _check_times(model: IssuedModel, p50: float, p95: float, repeats: int, batch: int) -> None:
    """Whether times can be true.

    Raises:
        UploadError: ``result_implausible``.
    """
    if not 0 < p50 <= LONGEST_MS:
        raise UploadError("result_implausible", name=model.name, what="latency_ms_p50")
    if not p50 <= p95 <= LONGEST_MS:
        raise UploadError("result_implausible", name=model.name, what="latency_ms_p95")
    if repeats < FEWEST_REPEATS:
        raise UploadError("result_implausible", name=model.name, what="repeats")
    if model.macs and model.macs * batch / (p50 / 1e3) > FASTEST_MACS_PER_S:
        raise UploadError("result_implausible", name=model.name, what="latency_ms_p50")
