"""The bench bundle: models, our way of measuring, and what must come back, as one zip.

For ONNX Runtime it holds ``bench.py`` and ``probe.py``, for a maker's tool ``run.sh`` and
``collect.py``; all of them write one ``result.json`` (see :mod:`kd_core.latency.bundle_records`).
The pixels that the models answer to are drawn here, unless the caller hands some over.
"""

from __future__ import annotations

import hashlib
import io
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kd_core.config import LatencySettings
from kd_core.errors import ExportError
from kd_core.export.contract import FileContract
from kd_core.export.onnx_model import OnnxModel
from kd_core.latency.bundle_records import VERSION, Issued, IssuedModel
from kd_core.latency.bundle_tools import TOOLS, Tool
from kd_core.latency.golden import golden_pixels
from kd_core.latency.pack import Say, precision_of_file, readable_json, zip_of
from kd_core.latency.records import PROTOCOL
from kd_core.latency.work import Work, work_of
from kd_core.tasks import TASKS
from kd_core.text import Msg

HERE = Path(__file__).parent
ONNX_RUNTIME = "onnxruntime"
RUNTIMES = (ONNX_RUNTIME, *TOOLS)
"""Runtimes that a bundle can be made for."""

THREADS = (1, 4)
GOLDEN = 5  # images on which answers are compared; a board measures as many calls
LARGEST_BYTES = 500_000_000
TOLERANCE = 1e-3
"""Of the largest answer: other float32 kernels sum in another order."""

TOLERANCE_ROUNDED = 0.1
"""Of the largest answer: integers saturate and halves round differently on other processors."""

SMALLEST_SCALE = 0.01
"""Answers below this are all close to nothing; their rounding is not a share of their size."""


@dataclass(frozen=True)
class BundleModel:
    """A model that shall be measured.

    Attributes:
        file: An ONNX file that carries our contract.
        name: For a person.
        run: Run that made it; empty for a calibration network.
        model: Its name in that run.
        pixels: Ready images (n, C, S, S) to compare answers on; ``None``: drawn ones.
    """

    file: Path
    name: str
    run: str = ""
    model: str = ""
    pixels: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Bench:
    """Where and how it shall be measured.

    Attributes:
        device: Entry of ``DEVICES``, or a device of a person's own.
        runtime: One of :data:`RUNTIMES`.
        precision: What a maker's tool shall compute in; empty: what the file says.
        threads: Numbers of threads, for ONNX Runtime.
        gpu: Whether ONNX Runtime shall compute on the device's GPU.
        owner: Who asked for it.
    """

    device: str
    runtime: str = ONNX_RUNTIME
    precision: str = ""
    threads: tuple[int, ...] = THREADS
    owner: str = ""
    gpu: bool = False


def build_bundle(
    models: Sequence[BundleModel], bench: Bench, say: Say, device_title: str = ""
) -> tuple[bytes, Issued]:
    """A bundle as the bytes of a zip, and what to remember of it.

    Raises:
        ExportError: ``bundle_runtime``, ``bundle_empty``, ``bundle_too_large``, and those of
            :class:`~kd_core.export.onnx_model.OnnxModel`.
    """
    if bench.runtime not in RUNTIMES:
        raise ExportError("bundle_runtime", runtime=bench.runtime, known=list(RUNTIMES))
    if not models:
        raise ExportError("bundle_empty")
    total = sum(model.file.stat().st_size for model in models)
    if total > LARGEST_BYTES:
        raise ExportError("bundle_too_large", size=total, limit=LARGEST_BYTES)
    tool = TOOLS.get(bench.runtime)
    files: dict[str, bytes] = {}
    issued, entries = [], []
    for number, model in enumerate(_different(models), 1):
        known, entry = _one(model, f"{number:02d}", bench, tool, files)
        issued.append(known)
        entries.append(entry)
    scripts = _scripts(entries, bench, tool)
    files.update(scripts)
    record = Issued(
        bundle=f"b{secrets.token_hex(6)}",
        key=secrets.token_hex(32),
        device=bench.device,
        runtime=bench.runtime,
        precision=bench.precision,
        owner=bench.owner,
        created=time.time(),
        scripts={name: hashlib.sha256(data).hexdigest() for name, data in scripts.items()},
        models=tuple(issued),
    )
    own = any(model.pixels is not None for model in models)
    files["README.md"] = _readme(record, bench, tool, say, device_title, own).encode()
    files["bundle.json"] = readable_json(_bundle_json(record, bench, tool, entries))
    return zip_of(files), record


def _different(models: Sequence[BundleModel]) -> list[BundleModel]:
    """One model of each file: a result names its model by the file's hash."""
    first: dict[str, BundleModel] = {}
    for model in models:
        first.setdefault(hashlib.sha256(model.file.read_bytes()).hexdigest(), model)
    return list(first.values())


def _one(
    source: BundleModel, number: str, bench: Bench, tool: Tool | None, files: dict[str, bytes]
) -> tuple[IssuedModel, dict[str, Any]]:
    """One model: what is remembered, what the scripts are told, and its files."""
    model = OnnxModel(source.file)
    contract = model.contract
    content = source.file.read_bytes()
    pixels = source.pixels
    if pixels is None:
        pixels = golden_pixels(GOLDEN, contract.size, contract.channels)
    outputs = model.predict_uint8(pixels, batch=1)[TASKS[contract.task].output]
    work, own = _work(content), precision_of_file(content)
    exact = own == "fp32" and not bench.gpu and bench.precision in ("", "fp32")
    scale = max(SMALLEST_SCALE, float(np.abs(outputs).max()))
    known = IssuedModel(
        sha256=hashlib.sha256(content).hexdigest(),
        name=source.name,
        file=f"models/{number}.onnx",
        run=source.run,
        model=source.model,
        precision=bench.precision or own,
        size=contract.size,
        channels=contract.channels,
        size_bytes=len(content),
        outputs=tuple(tuple(map(float, row)) for row in outputs.reshape(len(outputs), -1)),
        tolerance=(TOLERANCE if exact else TOLERANCE_ROUNDED) * scale,
        macs=work.macs if work else None,
        work=work.to_json() if work else {},
    )
    files[known.file] = content
    files[f"golden/{number}.npy"] = _npy(pixels if tool is None else contract.normalise(pixels))
    if tool is not None:
        files[f"golden/{number}.bin"] = contract.normalise(pixels[:1]).tobytes()
    return known, _entry(known, contract, number, tool)


def _work(content: bytes) -> Work | None:
    """The work of a network; ``None`` for one that the estimator does not know how to read."""
    try:
        return work_of(content)
    except ExportError:
        return None


def _entry(
    known: IssuedModel, contract: FileContract, number: str, tool: Tool | None
) -> dict[str, Any]:
    kept = ("sha256", "name", "file", "size", "channels", "outputs", "tolerance", "precision")
    entry = {name: value for name, value in known.to_json().items() if name in kept}
    entry |= {"mean": list(contract.mean), "std": list(contract.std), "number": number}
    entry |= {"output": TASKS[contract.task].output, "pixels": f"golden/{number}.npy"}
    if tool is not None:
        entry["log"] = tool.log.format(number=number)
        entry["answers"] = tool.answers.format(number=number)
    return entry


def _scripts(
    entries: Sequence[Mapping[str, Any]], bench: Bench, tool: Tool | None
) -> dict[str, bytes]:
    if tool is None:
        return {
            "bench.py": (HERE / "bundle_bench.py").read_bytes(),
            "probe.py": (HERE / "probe.py").read_bytes(),
        }
    lines = [
        "#!/bin/sh",
        "# One line a model; README.md says what has to be there.",
        "mkdir -p out",
    ]
    if tool.name == "stedgeai":
        lines += ["TARGET=${TARGET:-stm32h7}", "DESC=${DESC:-serial:115200}"]
    for entry in entries:
        shape = (1, entry["channels"], entry["size"], entry["size"])
        lines.append(tool.command(entry["file"], entry["number"], shape, entry["precision"]))
    return {
        "run.sh": ("\n".join(lines) + "\n").encode(),
        "collect.py": (HERE / "bundle_collect.py").read_bytes(),
    }


def _bundle_json(
    record: Issued, bench: Bench, tool: Tool | None, entries: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    standard = LatencySettings()
    return {
        "format": "kdlab-bundle",
        "version": VERSION,
        "bundle": record.bundle,
        "key": record.key,
        "device": record.device,
        "runtime": record.runtime,
        "tool": tool.name if tool else "",
        "protocol": PROTOCOL,
        "threads": [1] if bench.gpu else list(bench.threads),
        "gpu": bench.gpu,
        "batches": [1],
        "warmup": standard.warmup,
        "repeats": standard.repeats,
        "models": list(entries),
    }


def _readme(
    record: Issued, bench: Bench, tool: Tool | None, say: Say, title: str, own: bool
) -> str:
    params = {
        "device": title or bench.device,
        "runtime": bench.runtime,
        "n": len(record.models),
        "models": [model.name for model in record.models],
        "threads": [str(count) for count in bench.threads],
        "images": say(Msg("pack.images.own" if own else "pack.images.drawn")),
    }
    return say(Msg(f"bundle.readme.{tool.name if tool else ONNX_RUNTIME}", params))


def _npy(values: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()
