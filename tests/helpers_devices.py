"""Small models on their way to a device: an ONNX file, a finished run, a bundle that is run.

path = conv_file(tmp_path / "model.onnx")            a file that carries our contract
run_id = finished_run(store)                         a finished run whose model is such a file
folder = unzipped(content, tmp_path / "device")      a pack or a bundle, unpacked
done = run_script(folder, "predict.py", "--check")   in a process that sees nothing of ours
content = result_of(issued)                          what bench.py would have written
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kd_core.export.contract import FileContract
from kd_core.latency.bundle_records import Issued, seal_of
from kd_core.study.records import RECORD, write_json
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_jobs import execute, run_here, study

CLASSES = ("red", "green", "blue")
FOREIGN = {"torch", "kd_core", "pydantic", "onnx", "pandas"}


def conv_file(
    path: Path, channels: int = 3, size: int = 12, seed: int = 0, **contract: Any
) -> Path:
    """A convolution, its mean and a scale: logits (n, 3) that depend on every pixel."""
    rng = np.random.default_rng(seed)
    weight = rng.normal(0, 1, (3, channels, 3, 3)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["images", "w"], ["c"], pads=[1, 1, 1, 1]),
            helper.make_node("GlobalAveragePool", ["c"], ["p"]),
            helper.make_node("Flatten", ["p"], ["logits"]),
        ],
        "small",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", channels, size, size])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    stated = FileContract(
        classes=CLASSES,
        mean=(0.4,) * channels,
        std=(0.2,) * channels,
        size=size,
        channels=channels,
        **contract,
    )
    helper.set_model_props(model, stated.to_metadata())
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path


def finished_run(store: Store, owner: str = "ana", seed: int = 0) -> str:
    """The id of a finished run whose one model is :func:`conv_file`."""

    def carry_out(run, job):
        execute(run, job)
        file = conv_file(job.folder / "models" / "main" / "model.onnx", seed=seed)
        record = json.loads((job.folder / RECORD).read_text())
        content = file.read_bytes()
        record["models"][0]["sha256"] = hashlib.sha256(content).hexdigest()
        record["models"][0]["size_bytes"] = len(content)
        write_json(job.folder / RECORD, record)

    submit(store, study(seed), owner)
    found = list(iter(lambda: run_here(store, carry_out), None))
    return found[-1]


def unzipped(content: bytes, folder: Path) -> Path:
    """The folder with what a zip holds."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)
    return folder


def names_in(content: bytes) -> list[str]:
    """Names of the files in a zip."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.namelist()


def run_script(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script of a folder, isolated; its last line on stderr names what it loaded of ours."""
    code = (
        "import runpy, sys\n"
        "sys.argv = sys.argv[1:]\n"
        "try:\n"
        "    runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "finally:\n"
        f"    print(sorted({FOREIGN!r} & set(sys.modules)), file=sys.stderr)\n"
    )
    command = [sys.executable, "-I", "-c", code, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


MACHINE = {"cpu": "BCM2711", "cores": 4, "machine": "aarch64", "os": "Linux", "python": "3.11"}
RUN = {
    "batch": 1, "warmup": 10, "repeats": 50, "latency_ms_p50": 2.0, "latency_ms_p95": 2.5,
    "images_per_s": 500.0, "peak_memory_bytes": 1000,
}  # fmt: skip


def measured(issued: Issued, number: int = 0, **values: Any) -> dict[str, Any]:
    """What bench.py would say of one model of a bundle."""
    model = issued.models[number]
    return {
        "sha256": model.sha256,
        "outputs": model.to_json()["outputs"],
        "threads": 4,
        "runtime_version": "1.23",
        "load_ms": 12.0,
        "baseline_memory_bytes": 100,
        "runs": [RUN],
        "measured_at": 1000.0,
        "governor": "ondemand",
        "frequency_mhz": 1500.0,
        "temperature_c": 61.0,
        **values,
    }


def result_of(
    issued: Issued, results: Sequence[dict[str, Any]] | None = None, **values: Any
) -> bytes:
    """A sealed result of a bundle; by default one figure of every model."""
    found = [measured(issued, n) for n in range(len(issued.models))]
    data = {
        "format": "kdlab-result",
        "version": 1,
        "bundle": issued.bundle,
        "device": issued.device,
        "runtime": issued.runtime,
        "scripts": issued.scripts,
        "machine": MACHINE,
        "results": found if results is None else list(results),
        "failed": [],
        **values,
    }
    return json.dumps({**data, "seal": seal_of(data, issued.key)}).encode()


def changed(content: bytes, **values: Any) -> bytes:
    """A result with other values; its seal stays as it was."""
    return json.dumps({**json.loads(content), **values}).encode()


def sealed(content: bytes, key: str, **values: Any) -> bytes:
    """A result with other values and a seal that fits: what a forger who has the bundle can do."""
    data = {**json.loads(content), **values}
    return json.dumps({**data, "seal": seal_of(data, key)}).encode()
