"""One latency figure and everything that it depends on."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kd_core.config import Settings
from kd_core.latency.lists import PRECISIONS, RUNTIMES, Precision, Runtime

__all__ = ["PRECISIONS", "PROTOCOL", "RUNTIMES", "Measurement"]

PROTOCOL = 1
"""Version of how is measured; figures of different versions are never compared.

1: a fresh process for each file; onnxruntime on the CPU, or on the GPU where a bundle says so, with
fixed threads inside an operator and operators one after the other; batch 1 and a throughput batch;
warm-up and repeats as set, cut short after a time limit with at least 2 and 5 runs; wall time of
``run`` with input and output in memory.
"""

EnergyMethod = Literal["", "rapl", "nvml", "nvml+rapl", "unreadable"]


class Measurement(Settings):
    """How long a file takes on a device, at one batch size.

    Attributes:
        protocol: Version of the way of measuring.
        source: How the figure was obtained.
        target_device: Entry of ``DEVICES``, or ``this_machine``.
        runtime: What ran the file.
        runtime_version: Its version.
        precision: Number format of the file's weights.
        threads: Threads inside one operator.
        batch: Images in one call.
        channels: Channels of the images.
        size: Side of the images in pixels.
        warmup: Calls before the first that counts.
        repeats: Calls that count.
        latency_ms_p50: Median time of one call, for all images of the batch.
        latency_ms_p95: Time that 95 % of the calls stay within.
        images_per_s: Images of the batch over the median time.
        load_ms: Time to open the file; ``None`` where the runtime's tool does not tell.
        preprocess_ms_p50: Median time to decode, resize and normalise one image; ``None`` where
            the device only ran the network.
        preprocess_ms_p95: 95 % of the images stay within.
        preprocess_source_px: Side of the PNG image that this was timed on.
        decode_ms_p50: Median of the decoding alone, a part of ``preprocess_ms_p50``; ``None`` in
            older figures.
        answer_ms_p50: Median time from one row of logits to the class and its probability.
        energy_mj: Energy of one call, for all images of the batch, by the machine's own counters;
            ``None`` where they cannot be read.
        energy_method: ``rapl`` of the processor, ``nvml`` of the GPU, ``unreadable`` where neither
            can be read, empty in older figures.
        baseline_memory_bytes: Resident memory of the process before it opened the file; ``None``
            where the system does not tell.
        peak_memory_bytes: Largest resident memory above that; ``None`` where the system does not
            tell.
        model_sha256: Hash of the file.
        model_size_bytes: Bytes of the file.
        cpu: Name of the processor.
        cpu_cores: Physical cores.
        cpu_features: Instruction sets that change the speed.
        os: Operating system.
        measured_at: Unix time.
        bundle: Id of the bench bundle that it came with; empty for one that was made here.
        governor: What the system says of how it chooses the processor's frequency.
        temperature_c: Highest temperature that a sensor showed right afterwards.
        frequency_mhz: Frequency of the first processor right afterwards.
        parity_max_abs_difference: Largest difference of an output from the one that was issued
            with the bundle; ``None`` where it was not compared.
    """

    protocol: int = PROTOCOL
    source: Literal["measured"] = "measured"
    target_device: str = "this_machine"
    runtime: Runtime = "onnxruntime"
    runtime_version: str
    precision: Precision
    threads: int = Field(ge=1)
    batch: int = Field(ge=1)
    channels: int = Field(ge=1)
    size: int = Field(ge=1)
    warmup: int = Field(ge=0)
    repeats: int = Field(ge=1)
    latency_ms_p50: float = Field(gt=0)
    latency_ms_p95: float = Field(gt=0)
    images_per_s: float = Field(gt=0)
    load_ms: float | None = Field(default=None, ge=0)
    preprocess_ms_p50: float | None = Field(default=None, ge=0)
    preprocess_ms_p95: float | None = Field(default=None, ge=0)
    preprocess_source_px: int | None = None
    decode_ms_p50: float | None = Field(default=None, ge=0)
    answer_ms_p50: float | None = Field(default=None, ge=0)
    energy_mj: float | None = Field(default=None, ge=0)
    energy_method: EnergyMethod = ""
    baseline_memory_bytes: int | None = None
    peak_memory_bytes: int | None = None
    model_sha256: str
    model_size_bytes: int
    cpu: str
    cpu_cores: int
    cpu_features: tuple[str, ...] = ()
    os: str
    measured_at: float
    bundle: str = ""
    governor: str = ""
    temperature_c: float | None = None
    frequency_mhz: float | None = None
    parity_max_abs_difference: float | None = None
