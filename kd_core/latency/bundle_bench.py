"""Measure the models of this folder on this device.

    python bench.py                 all models, with the threads that the bundle asks for
    python bench.py --threads 4     with others
    python bench.py --out my.json

Needs Python 3.8 or newer with numpy and onnxruntime (a GPU: onnxruntime-gpu); with nvidia-ml-py
the energy of a GPU is read; with Pillow the preparation of an image is
timed, too. Each model must first give the answers that were stored when the bundle was made. Then
probe.py times it in a process of its own: warm-up, repeats, median and 95 % point. The result is
one JSON file; give it to the dashboard, page Devices. Close other programs before you start.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import platform
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CPU = Path("/sys/devices/system/cpu/cpu0/cpufreq")
THERMAL = Path("/sys/class/thermal")
CPUINFO = Path("/proc/cpuinfo")
SCRIPTS = ("bench.py", "probe.py")
PROBE_LIMIT_S = 900
ONLY_ERRORS = 3  # onnxruntime's log severity
NO_WHEEL = """onnxruntime is not installed here ({machine}, {bits} bits, Python {python}).

  pip install numpy onnxruntime

If pip finds nothing: there are wheels for 64-bit systems only, and for Python 3.8 and newer. On a
Raspberry Pi 3, 4, 5 or Zero 2 W put the 64-bit Raspberry Pi OS on the card; the processors can do
it. On a 32-bit board that must stay so (ARMv6, ARMv7) onnxruntime has to be built from source, or
the model has to run with another runtime, which needs another bundle."""


def main() -> int:
    """Carry out the command line; 0 if every model was measured."""
    parser = argparse.ArgumentParser(description="Measure the models of this bundle.")
    parser.add_argument("--threads", type=int, nargs="+", help="threads inside an operator")
    parser.add_argument("--out", type=Path, default=HERE / "result.json", help="the result")
    arguments = parser.parse_args()
    bundle = json.loads((HERE / "bundle.json").read_text("utf-8"))
    try:
        import numpy
        import onnxruntime
    except ImportError:
        print(NO_WHEEL.format(bits=struct.calcsize("P") * 8, **machine()))
        return 2
    threads = arguments.threads or useful(bundle["threads"])
    print(f"{machine()['cpu']}, onnxruntime {onnxruntime.__version__}, numpy {numpy.__version__}")
    print(f"{'model':34s} {'threads':>7s} {'p50 ms':>9s} {'p95 ms':>9s}  answers")
    results, failed = [], []
    for model in bundle["models"]:
        outputs = answers(model, bundle.get("gpu", False))
        for count in threads:
            measured = probe(bundle, model, count)
            if "error" in measured:
                failed.append({"sha256": model["sha256"], "threads": count, **measured})
                print(f"{model['name'][:34]:34s} {count:7d} failed: {measured['error']}")
                continue
            results.append(
                {"sha256": model["sha256"], "outputs": outputs, "threads": count, **measured}
            )
            p50, p95 = (measured["runs"][0][f"latency_ms_p{share}"] for share in (50, 95))
            print(
                f"{model['name'][:34]:34s} {count:7d} {p50:9.3f} {p95:9.3f}  "
                f"{'equal' if agrees(outputs, model) else 'DIFFERENT'}"
            )
    write(bundle, {"machine": machine(), "results": results, "failed": failed}, arguments.out)
    return 1 if failed or not results else 0


# ---------------------------------------------------------------- one model


def answers(model: dict[str, Any], gpu: bool = False) -> list[list[float]]:
    """What the model says here to the pixels of the bundle, (n, K)."""
    import numpy as np
    import onnxruntime

    path = HERE / model["file"]
    if hashlib.sha256(path.read_bytes()).hexdigest() != model["sha256"]:
        raise SystemExit(f"{model['file']} is not the file that the bundle was made with.")
    pixels = np.load(HERE / model["pixels"])  # uint8 (n, C, S, S)
    mean = np.asarray(model["mean"], np.float32)[:, None, None]
    std = np.asarray(model["std"], np.float32)[:, None, None]
    images = (pixels.astype(np.float32) / np.float32(255) - mean) / std
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = ONLY_ERRORS
    place = ("CUDAExecutionProvider", {"use_tf32": "0"}) if gpu else "CPUExecutionProvider"
    session = onnxruntime.InferenceSession(str(path), options, providers=[place])
    entry = session.get_inputs()[0]
    batch = entry.shape[0] if isinstance(entry.shape[0], int) else 1
    rows = [
        session.run([model["output"]], {entry.name: np.repeat(one[None], batch, axis=0)})[0][0]
        for one in images
    ]
    return [[float(value) for value in row.ravel()] for row in rows]


def agrees(outputs: list[list[float]], model: dict[str, Any]) -> bool:
    """True if no answer is further from the stored one than the bundle allows."""
    gaps = [
        abs(a - b)
        for row, wanted in zip(outputs, model["outputs"])  # noqa: B905
        for a, b in zip(row, wanted)  # noqa: B905
    ]
    return all(gap <= model["tolerance"] for gap in gaps)


def probe(bundle: dict[str, Any], model: dict[str, Any], threads: int) -> dict[str, Any]:
    """The figures of one model at one number of threads, or why there are none."""
    request = {
        **{name: model[name] for name in ("size", "channels", "mean", "std")},
        **{name: bundle[name] for name in ("batches", "warmup", "repeats")},
        "path": str(HERE / model["file"]),
        "threads": threads,
        "gpu": bundle.get("gpu", False),
    }
    command = [sys.executable, str(HERE / "probe.py"), json.dumps(request)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_LIMIT_S)
    except subprocess.TimeoutExpired:
        return {"error": f"not finished after {PROBE_LIMIT_S} s"}
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        return {"error": lines[-1][:200] if lines else f"exit code {done.returncode}"}
    figures: dict[str, Any] = json.loads(done.stdout)
    return {**figures, "measured_at": time.time(), **circumstances()}


# ---------------------------------------------------------------- the machine


def useful(threads: list[int]) -> list[int]:
    """The numbers of threads that this machine has processors for; at least the smallest."""
    import os

    there = os.cpu_count() or 1
    return [count for count in threads if count <= there] or [min(threads)]


def machine() -> dict[str, Any]:
    """What this device says that it is."""
    import os

    return {
        "cpu": processor(),
        "cores": os.cpu_count() or 1,
        "machine": platform.machine(),
        "os": platform.platform(),
        "python": platform.python_version(),
    }


def processor() -> str:
    """Name of the board or of the processor."""
    board = read(Path("/proc/device-tree/model")).strip("\0\n ")
    names = [text.partition(":")[2].strip() for text in read(CPUINFO).splitlines()
             if text.lower().startswith("model name")]  # fmt: skip
    return board or (names[0] if names else "") or platform.processor() or platform.machine()


def circumstances() -> dict[str, Any]:
    """What changes the speed of one and the same device: governor, frequency, temperature."""
    frequency = read(CPU / "scaling_cur_freq").strip()
    warm = [read(path).strip() for path in THERMAL.glob("thermal_zone*/temp")]
    degrees = [int(text) / 1000 for text in warm if text.lstrip("-").isdigit()]
    return {
        "governor": read(CPU / "scaling_governor").strip()[:40],
        "frequency_mhz": int(frequency) / 1000 if frequency.isdigit() else None,
        "temperature_c": max(degrees) if degrees else None,
    }


def read(path: Path) -> str:
    """A text file of the system; empty where there is none."""
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""


# ---------------------------------------------------------------- the result


def write(bundle: dict[str, Any], content: dict[str, Any], path: Path) -> None:
    """One JSON file, with a seal that shows whether it was changed afterwards."""
    result = {
        "format": "kdlab-result",
        "version": bundle["version"],
        "bundle": bundle["bundle"],
        "device": bundle["device"],
        "runtime": bundle["runtime"],
        "scripts": {name: digest_of_script(HERE / name) for name in SCRIPTS},
        **content,
    }
    text = json.dumps(result, sort_keys=True, separators=(",", ":"), allow_nan=False)
    key = bytes.fromhex(bundle["key"])
    result["seal"] = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    path.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n", "utf-8")
    print(f"Written to {path}. Give it to the dashboard, page Devices.")


def digest_of_script(path: Path) -> str:
    """Hash of a script, whatever its line ends."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
