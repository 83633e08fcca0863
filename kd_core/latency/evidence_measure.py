"""Times of small networks with onnxruntime on the machine at hand, as rows for the fit.

``python -m kd_core.latency.evidence_measure --out rows.csv [--threads 1] [--rounds 5]``

No table has images of 28 to 96 pixels, where the overhead of an operator decides. The networks have
random weights; INT8 files are quantised with random images, which is as fast as with real ones.
Rounds are interleaved over all files; a figure is the lowest of the rounds' medians, since whatever
else the machine does can only make a call slower. With one thread the processor's time is taken,
which does not run on while other work has the core; with several, time on the wall.
"""

from __future__ import annotations

import argparse
import csv
import io
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

NETWORKS = (
    *("resnet18", "resnet50", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large"),
    *("shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "squeezenet1_1", "efficientnet_b0"),
    *("mnasnet0_5", "regnet_y_400mf", "densenet121", "resnet32_cifar", "resnet8_cifar"),
    *("mobilenet_v1_0.25", "mobilenet_v1_1.0", "mobilenet_v2_0.35", "convnext_tiny"),
)
SIZES = (28, 64, 96, 224)
LEAST = {"squeezenet1_1": 32, "densenet121": 32}
LARGEST = {"resnet50": 224, "densenet121": 224, "resnet8_cifar": 64, "resnet32_cifar": 64}
OPSET = 18
ROUND_S, LEAST_CALLS = 0.15, 3
SOURCE = "measured for this package with onnxruntime, processor time of one thread"


def main() -> None:
    """Measure and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, prog="kd_core.latency.evidence_measure")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cloud_x86_avx2", help="name of this machine's device")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--networks", nargs="*", default=NETWORKS)
    parser.add_argument("--files", type=Path, help="keep the exported files here, and use them")
    parser.add_argument("--export-only", action="store_true", help="write the files, time nothing")
    options = parser.parse_args()
    if options.export_only:
        options.files.mkdir(parents=True, exist_ok=True)
        list(_files(options.networks, options.files))
        return
    with options.out.open("w", newline="") as file:
        writer = csv.writer(file)
        names = ("device", "runtime", "threads", "precision", "network", "batch", "latency_ms")
        writer.writerow((*names, "source"))
        for network, precision, latency in measured(options):
            row = (options.device, "onnxruntime", options.threads, precision, network, 1)
            writer.writerow((*row, f"{latency:.5g}", SOURCE))


def measured(options: argparse.Namespace) -> Iterator[tuple[str, str, float]]:
    """Network, precision and milliseconds of each file."""
    with tempfile.TemporaryDirectory() as folder:
        files = list(_files(options.networks, options.files or Path(folder)))
        calls = [(network, kind, _caller(path, options.threads)) for network, kind, path in files]
        medians: list[list[float]] = [[] for _ in calls]
        for _ in range(options.rounds):
            for place, (_, _, call) in enumerate(calls):
                medians[place].append(_median_ms(call, options.threads))
        for (network, kind, _), found in zip(calls, medians, strict=True):
            yield network, kind, min(found)


def _files(networks: Any, folder: Path) -> Iterator[tuple[str, str, Path]]:
    for name in networks:
        for size in SIZES:
            if not LEAST.get(name, 0) <= size <= LARGEST.get(name, size):
                continue
            network = f"{name}@{size}"
            path = folder / f"{network}.onnx"
            small = folder / f"{network}.int8.onnx"
            if not path.exists():
                path.write_bytes(_exported(network))
            if not small.exists():
                _quantise(path, small, size)
            yield network, "fp32", path
            yield network, "int8", small


def _exported(network: str) -> bytes:
    import torch

    from kd_core.latency.evidence_nets import build_real, shape_of

    torch.manual_seed(0)
    stream = io.BytesIO()
    images = (torch.zeros(shape_of(network)),)
    torch.onnx.export(
        build_real(network),
        images,
        stream,  # type: ignore[arg-type]
        dynamo=False,
        opset_version=OPSET,
        input_names=["images"],
    )
    return stream.getvalue()


class _Noise:
    """Random images for the calibration."""

    def __init__(self, size: int) -> None:
        rng = np.random.default_rng(0)
        self.left = [rng.standard_normal((1, 3, size, size), np.float32) for _ in range(2)]

    def get_next(self) -> dict[str, Any] | None:
        """The next image, or nothing."""
        return {"images": self.left.pop()} if self.left else None


def _quantise(path: Path, small: Path, size: int) -> None:
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    ready = small.with_name(f"{path.stem}.ready.onnx")
    quant_pre_process(str(path), str(ready), skip_symbolic_shape=True)
    quantize_static(
        str(ready),
        str(small),
        _Noise(size),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    ready.unlink()


def _caller(path: Path, threads: int) -> Any:
    from kd_core.latency.probe import open_session

    session = open_session(str(path), threads)
    given = session.get_inputs()[0]
    feed = {given.name: np.random.default_rng(0).standard_normal(given.shape, np.float32)}
    return lambda: session.run(None, feed)


def _median_ms(call: Any, threads: int) -> float:
    clock = time.thread_time if threads == 1 else time.perf_counter
    call()
    times: list[float] = []
    began = clock()
    while len(times) < LEAST_CALLS or clock() - began < ROUND_S:
        start = clock()
        call()
        times.append((clock() - start) * 1e3)
    return statistics.median(times)


if __name__ == "__main__":
    main()
