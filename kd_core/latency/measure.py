"""Latency on this machine: a fresh process times the file, this one records the circumstances."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kd_core.config import LatencySettings
from kd_core.errors import ExportError
from kd_core.latency.records import Measurement

if TYPE_CHECKING:
    from kd_core.export.contract import FileContract

PROBE = Path(__file__).with_name("probe.py")
TIMEOUT_S = 600


def measure(
    path: Path, settings: LatencySettings, batches: Sequence[int] = ()
) -> list[Measurement]:
    """Time a file at batch 1 and at the throughput batch.

    Nothing else should compute meanwhile; the caller sees to that.

    Args:
        path: A file that carries our contract.
        settings: Threads, warm-up, repeats and the throughput batch.
        batches: Other batch sizes instead.

    Returns:
        One measurement a batch size; a file with a fixed batch has one.

    Raises:
        ExportError: ``file_missing``, ``contract_missing``, ``measure_failed`` or
            ``measure_timeout``.
    """
    # These load torch, which an estimate does not need
    from kd_core.export.contract import FileContract
    from kd_core.export.onnx_file import OnnxLimits, precision_of, read_onnx

    if not path.is_file():
        raise ExportError("file_missing", file=path.name)
    content = path.read_bytes()
    # Our own file, which may be larger than what is taken from outside
    model = read_onnx(content, OnnxLimits(size_bytes=max(1, len(content))))
    contract = FileContract.from_metadata({p.key: p.value for p in model.metadata_props})
    if contract is None:
        raise ExportError("contract_missing", file=path.name)
    answer = _probe(path, contract, settings, batches or (1, settings.batch))
    shared = {
        **answer,
        "precision": precision_of(model),
        "threads": settings.threads,
        "channels": contract.channels,
        "size": contract.size,
        "model_sha256": hashlib.sha256(content).hexdigest(),
        "model_size_bytes": len(content),
        "measured_at": time.time(),
        **_machine(),
    }
    runs = shared.pop("runs")
    return [Measurement(**shared, **run) for run in runs]


def _machine() -> dict[str, Any]:
    from kd_core import hardware

    cpu = hardware.cpu()
    return {
        "cpu": cpu["model"],
        "cpu_cores": cpu["cores"],
        "cpu_features": tuple(cpu["features"]),
        "os": platform.platform(),
    }


def _probe(
    path: Path, contract: FileContract, settings: LatencySettings, batches: Sequence[int]
) -> dict[str, Any]:
    request = {
        "path": str(path),
        "size": contract.size,
        "channels": contract.channels,
        "mean": contract.mean,
        "std": contract.std,
        "threads": settings.threads,
        "batches": list(batches),
        "warmup": settings.warmup,
        "repeats": settings.repeats,
    }
    # -P: the script's own folder must not hide packages of the same name
    command = [sys.executable, "-P", str(PROBE), json.dumps(request)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise ExportError("measure_timeout", file=path.name, seconds=TIMEOUT_S) from None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        detail = lines[-1][:300] if lines else f"exit code {done.returncode}"
        raise ExportError("measure_failed", file=path.name, detail=detail)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
