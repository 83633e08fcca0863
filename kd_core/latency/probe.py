"""The process in which a file is timed; it loads nothing that a deployed model would not need.

Run as a script of its own, with numpy and onnxruntime only, so that torch's memory and threads do
not count and a small board can run the same file; with Pillow the way of an image to the network is
timed, too::

    python probe.py '{"path": "model.onnx", "size": 64, "channels": 3, "mean": [...], "std": [...],
                      "threads": 1, "batches": [1, 32], "warmup": 10, "repeats": 50}'

It prints one JSON object: ``runtime_version``, ``load_ms``, the memory and preprocessing figures,
the time of the answer, and in ``runs`` one object a batch size.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

WARMUP_LIMIT_S, MIN_WARMUP = 5.0, 2
REPEAT_LIMIT_S, MIN_REPEATS = 20.0, 5
PREPROCESS_REPEATS, ANSWER_REPEATS = 30, 100
SOURCE_SCALE = 2  # the timed image has twice the side that the network sees
ONLY_ERRORS = 3
CUDA = [("CUDAExecutionProvider", {"use_tf32": "0"})]  # fp32 shall be fp32, as elsewhere
GPU = "gpu"
POWERCAP, ENERGY_LEAST_S = Path("/sys/class/powercap"), 0.5


def main() -> None:
    """Measure what the argument asks for and print the figures."""
    request = json.loads(sys.argv[1])
    reset_peak_memory()
    baseline = resident_bytes()
    began = time.perf_counter()
    session = open_session(request["path"], request["threads"], request.get("gpu", False))
    load_ms = (time.perf_counter() - began) * 1e3
    runs = [time_batch(session, request, batch, baseline) for batch in batches(session, request)]
    answer = {
        "runtime_version": onnxruntime.__version__,
        "load_ms": load_ms,
        "baseline_memory_bytes": baseline,
        "runs": runs,
        **time_preprocessing(request),
        **time_answer(session, request),
    }
    print(json.dumps(answer))


def open_session(path: str, threads: int, gpu: bool = False) -> onnxruntime.InferenceSession:
    """A session with fixed threads and sequential operators, on the processor or the first GPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = ONLY_ERRORS
    if not gpu:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # NVML counts GPUs in this order
    session = onnxruntime.InferenceSession(path, options, providers=CUDA)
    if session.get_providers()[0] != CUDA[0][0]:  # it falls back without a word
        raise SystemExit("onnxruntime has no CUDA here: pip install onnxruntime-gpu")
    return session


def batches(session: onnxruntime.InferenceSession, request: dict[str, Any]) -> list[int]:
    """The batch sizes that were asked for, or the only one that the file takes."""
    fixed = session.get_inputs()[0].shape[0]
    return [fixed] if isinstance(fixed, int) else list(request["batches"])


def time_batch(
    session: onnxruntime.InferenceSession, request: dict[str, Any], batch: int, baseline: int | None
) -> dict[str, Any]:
    """Time of one call at one batch size, and the process's largest memory until then."""
    shape = (batch, request["channels"], request["size"], request["size"])
    images = np.random.default_rng(0).standard_normal(shape, np.float32)
    feed = {session.get_inputs()[0].name: images}
    warm = timed(lambda: session.run(None, feed), request["warmup"], WARMUP_LIMIT_S, MIN_WARMUP)
    times = timed(lambda: session.run(None, feed), request["repeats"], REPEAT_LIMIT_S, MIN_REPEATS)
    p50, p95 = np.percentile(times, [50, 95])
    peak = peak_bytes()
    gpu = request.get("gpu", False)
    spent = energy_mj(lambda: session.run(None, feed), gpu=gpu)
    return {
        "batch": batch,
        "warmup": len(warm),
        "repeats": len(times),
        "latency_ms_p50": float(p50),
        "latency_ms_p95": float(p95),
        "images_per_s": batch / float(p50) * 1e3,
        "peak_memory_bytes": None if peak is None or baseline is None else max(0, peak - baseline),
        "energy_mj": spent,
        "energy_method": "unreadable" if spent is None else method_of(counters(POWERCAP, gpu)),
    }


def timed(call: Callable[[], Any], count: int, limit_s: float, least: int) -> list[float]:
    """Milliseconds of up to ``count`` calls, fewer after ``limit_s`` seconds.

    >>> len(timed(lambda: None, 7, limit_s=10, least=2)), len(timed(lambda: None, 7, 0, least=2))
    (7, 2)
    """
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < count:
        if len(times) >= least and time.perf_counter() - began >= limit_s:
            break
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1e3)
    return times


def time_preprocessing(request: dict[str, Any]) -> dict[str, Any]:
    """Time to decode a PNG, resize and normalise it: what a network's input costs before it."""
    try:
        from PIL import Image
    except ImportError:
        return {}
    side = SOURCE_SCALE * request["size"]
    mode = "L" if request["channels"] == 1 else "RGB"
    noise = np.random.default_rng(0).integers(0, 256, (side // 8 + 1, side // 8 + 1, 3), np.uint8)
    image = Image.fromarray(noise).resize((side, side), Image.Resampling.BICUBIC).convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    data = buffer.getvalue()
    mean = np.asarray(request["mean"], np.float32)
    std = np.asarray(request["std"], np.float32)

    decoded: list[float] = []

    def preprocess() -> np.ndarray:
        began = time.perf_counter()
        with Image.open(io.BytesIO(data), formats=("PNG",)) as opened:
            opened.load()
            decoded.append((time.perf_counter() - began) * 1e3)
            small = opened.resize((request["size"],) * 2, Image.Resampling.BILINEAR)
        pixels = np.asarray(small, np.float32).reshape(request["size"], request["size"], -1)
        normal = (pixels / 255 - mean) / std  # (S, S, C)
        return np.ascontiguousarray(normal.transpose(2, 0, 1))  # (C, S, S)

    times = timed(preprocess, PREPROCESS_REPEATS, REPEAT_LIMIT_S, MIN_REPEATS)
    p50, p95 = np.percentile(times[2:], [50, 95])  # the first two fill Pillow's caches
    return {
        "preprocess_ms_p50": float(p50),
        "preprocess_ms_p95": float(p95),
        "preprocess_source_px": side,
        "decode_ms_p50": min(float(np.median(decoded[2:])), float(p50)),
    }


def time_answer(session: onnxruntime.InferenceSession, request: dict[str, Any]) -> dict[str, Any]:
    """Time from one row of logits to the class and its probability."""
    shape = (batches(session, request)[0], request["channels"], request["size"], request["size"])
    feed = {session.get_inputs()[0].name: np.zeros(shape, np.float32)}
    logits = session.run(None, feed)[0][0].astype(np.float64).ravel()  # (K,)

    def answer() -> tuple[int, float]:
        powers = np.exp(logits - logits.max())
        best = int(logits.argmax())
        return best, float(powers[best] / powers.sum())

    times = timed(answer, ANSWER_REPEATS, REPEAT_LIMIT_S, MIN_REPEATS)
    return {"answer_ms_p50": float(np.median(times[2:]))}


# ---------------------------------------------------------------- energy


def energy_mj(
    call: Callable[[], Any],
    folder: Path = POWERCAP,
    least_s: float = ENERGY_LEAST_S,
    gpu: bool = False,
) -> float | None:
    """Millijoules of one call by the machine's own counters; ``None`` where none can be read.

    Intel and AMD processors count the microjoules of a package and of its memory (RAPL), which
    Linux shows under ``/sys/class/powercap``, as a rule to the administrator only. GPUs of NVIDIA
    count theirs (NVML, Volta and newer); on a GPU its counter must be there, and the processor's is
    added where it can be read. What they draw while idle, and what other programs do meanwhile, is
    part of it.
    """
    before = counters(folder, gpu)
    if not before:
        return None
    count, began = 0, time.perf_counter()
    while count == 0 or time.perf_counter() - began < least_s:
        call()
        count += 1
    after = counters(folder, gpu)
    if set(after) != set(before):
        return None
    spent_uj = sum(since(before[name], after[name]) for name in before)
    return spent_uj / count / 1e3


def counters(folder: Path, gpu: bool) -> dict[str, tuple[int, int]]:
    """All counters that a call is charged by; empty where the one that matters is closed."""
    if not gpu:
        return read_energy(folder)
    of_gpu = read_gpu_energy()
    return {**of_gpu, **read_energy(folder)} if of_gpu else {}


def method_of(read: dict[str, tuple[int, int]]) -> str:
    """How the energy was read: ``rapl``, ``nvml`` or ``nvml+rapl``.

    >>> method_of({"gpu": (1, 2), "intel-rapl:0": (3, 4)}), method_of({"intel-rapl:0": (3, 4)})
    ('nvml+rapl', 'rapl')
    """
    found = ["nvml"] if GPU in read else []
    return "+".join([*found, *(["rapl"] if set(read) - {GPU} else [])])


def read_gpu_energy() -> dict[str, tuple[int, int]]:
    """Counter of the GPU that is used (µJ since its driver was loaded); empty where it is closed.

    Needs the package ``nvidia-ml-py``; GPUs before Volta have no counter.
    """
    try:
        import pynvml
    except ImportError:
        return {}
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0]
    try:
        pynvml.nvmlInit()
        found = (
            pynvml.nvmlDeviceGetHandleByIndex(int(first))
            if first.isdigit()
            else pynvml.nvmlDeviceGetHandleByUUID(first)
        )
        millijoules = pynvml.nvmlDeviceGetTotalEnergyConsumption(found)
        pynvml.nvmlShutdown()
    except pynvml.NVMLError:
        return {}
    return {GPU: (millijoules * 1000, 2**63)}


def read_energy(folder: Path) -> dict[str, tuple[int, int]]:
    """Counter and its largest value (µJ) of each package and memory; empty where any is closed."""
    found = {}
    try:
        for place in sorted(folder.glob("intel-rapl:*")):  # AMD's have the same name
            if not (place / "name").read_text().strip().startswith(("package", "dram")):
                continue  # parts of a package, or the whole platform: they would count twice
            counter = int((place / "energy_uj").read_text())
            found[place.name] = (counter, int((place / "max_energy_range_uj").read_text()))
    except (OSError, ValueError):
        return {}
    return found


def since(before: tuple[int, int], after: tuple[int, int]) -> int:
    """Microjoules between two readings of a counter that starts anew at its largest value.

    >>> since((100, 1000), (300, 1000)), since((900, 1000), (50, 1000))
    (200, 150)
    """
    spent = after[0] - before[0]
    return spent if spent >= 0 else spent + before[1]


# ---------------------------------------------------------------- memory


def reset_peak_memory() -> None:
    """Start the high-water mark anew where the system lets us (Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def resident_bytes() -> int | None:
    """Resident memory of this process now; ``None`` where nothing tells."""
    status = _linux_status()
    if status:
        return status["VmRSS"]
    with contextlib.suppress(ImportError):
        import psutil

        return int(psutil.Process().memory_info().rss)
    return None


def peak_bytes() -> int | None:
    """Largest resident memory of this process so far; ``None`` where the system does not tell.

    On Linux not ``getrusage``, whose maximum is inherited from the process that started this one.
    """
    status = _linux_status()
    if status:
        return status["VmHWM"]
    if sys.platform == "win32":
        with contextlib.suppress(ImportError):
            import psutil

            return int(psutil.Process().memory_info().peak_wset)
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else None  # bytes on macOS


def _linux_status() -> dict[str, int]:
    path = Path("/proc/self/status")
    if not path.exists():
        return {}
    lines = (line.split() for line in path.read_text().splitlines())
    found = {words[0][:-1]: int(words[1]) * 1024 for words in lines if words[-1:] == ["kB"]}
    return found if {"VmRSS", "VmHWM"} <= set(found) else {}


if __name__ == "__main__":
    main()
