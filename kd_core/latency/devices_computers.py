"""Computers: mini PCs, laptops, desktops, server processors and graphics cards.

Operations per cycle: 32 for two 256-bit FMA units, 64 for two of 512 bits (peakperf). Power is a
range from half to all of the thermal design power, as CodeCarbon does for a machine that it cannot
read, unless a measurement is named.
"""

from __future__ import annotations

from typing import Any

from kd_core.latency.devices_spec import DEVICES, GB, DeviceKind, DeviceSpec, Power, RuntimeChoice

TDP = "half to all of the thermal design power in CodeCarbon's table"


def _computer(name: str, kind: DeviceKind, threads: tuple[int, ...], **sheet: Any) -> None:
    choices = (
        RuntimeChoice("onnxruntime", threads, ("fp32", "int8")),
        RuntimeChoice("torch_compile", threads, ("fp32",)),
        RuntimeChoice("pytorch", threads, ("fp32",)),
        RuntimeChoice("openvino", threads, ("fp32", "int8")),
        RuntimeChoice("ncnn", threads, ("ncnn_default", "int8")),
    )
    sheet.setdefault("core", "x86")
    sheet.setdefault("flops_per_cycle", 32)
    DEVICES.add(name, DeviceSpec(kind=kind, runtimes=sheet.pop("runtimes", choices), **sheet))


_computer(
    "intel_n100",
    "mini_pc",
    (4, 1),
    processor="4 × Gracemont up to 3.4 GHz",
    cores=4,
    ghz=2.9,
    flops_per_cycle=16,
    memory_gbs=25.6,
    ram_bytes=8 * GB,
    power=Power(
        6.0, 25.0, "CodeCarbon's table (TDP); geerlingguy/top500-benchmark (HPL at the wall)"
    ),
    source="Intel ARK; sbc-bench",
)
_computer(
    "intel_n5105",
    "mini_pc",
    (4, 1),
    processor="4 × Tremont 2.9 GHz",
    cores=4,
    ghz=2.8,
    flops_per_cycle=8,
    ram_bytes=8 * GB,
    power=Power(10.0, 30.0, "CodeCarbon's table (TDP) to an assumed 30 W of the whole system"),
    source="ncnn benchmark",
)
_computer(
    "intel_i7_12700h",
    "laptop",
    (0, 4, 1),
    processor="6 P and 8 E cores, 4.7 GHz",
    cores=6,
    ghz=4.1,
    ram_bytes=16 * GB,
    power=Power(22.5, 45.0, TDP),
    source="timm results",
)
_computer(
    "apple_m1",
    "laptop",
    (4, 1),
    processor="4 Firestorm 3.2 GHz and 4 Icestorm",
    core="out_of_order_arm",
    cores=4,
    ghz=3.2,
    fp16=True,
    memory_gbs=66.7,
    gpu_gflops=2600,
    npu_tops=11,
    ram_bytes=8 * GB,
    power=Power(7.5, 15.0, "half to all of an assumed 15 W"),
    source="ncnn benchmark; Apple Newsroom",
    runtimes=(
        RuntimeChoice("onnxruntime", (4, 1), ("fp32", "int8")),
        RuntimeChoice("ncnn", (1, 4, 8), ("ncnn_default", "int8")),
        RuntimeChoice("ncnn_vulkan", (0,), ("ncnn_default",), "gpu"),
        RuntimeChoice("coreml", (0,), ("fp16",), "npu"),
    ),
)
_computer(
    "apple_m3",
    "laptop",
    (4, 1),
    processor="4 performance cores 4.05 GHz and 4 efficiency cores",
    core="out_of_order_arm",
    cores=4,
    ghz=4.05,
    fp16=True,
    ram_bytes=8 * GB,
    source="ncnn benchmark",
    runtimes=(
        RuntimeChoice("onnxruntime", (4, 1), ("fp32", "int8")),
        RuntimeChoice("ncnn", (8, 1, 4), ("ncnn_default", "int8")),
        RuntimeChoice("ncnn_vulkan", (0,), ("ncnn_default",), "gpu"),
    ),
)
_computer(
    "intel_i9_10940x",
    "server_cpu",
    (0, 8, 1),
    processor="14 cores 3.3 GHz, AVX-512",
    cores=14,
    ghz=3.3,
    flops_per_cycle=64,
    ram_bytes=64 * GB,
    power=Power(82.5, 165.0, TDP),
    source="timm results",
)
_computer(
    "amd_ryzen_9_5950x",
    "server_cpu",
    (8, 1, 16),
    processor="16 × Zen 3 3.4 GHz",
    cores=16,
    ghz=3.8,
    ram_bytes=32 * GB,
    power=Power(52.5, 105.0, TDP),
    source="ncnn benchmark",
)
_computer(
    "amd_epyc_7742",
    "server_cpu",
    (8, 1, 64),
    processor="64 × Zen 2 2.25 GHz",
    cores=64,
    ghz=2.25,
    memory_gbs=204.8,
    ram_bytes=256 * GB,
    power=Power(112.5, 225.0, TDP),
    source="ncnn benchmark; AMD product page",
)
_computer(
    "intel_xeon_8573c",
    "server_cpu",
    (8, 1, 64),
    processor="64 threads of Emerald Rapids 2.3 GHz, AVX-512",
    cores=32,
    ghz=3.0,
    flops_per_cycle=64,
    ram_bytes=256 * GB,
    source="ncnn benchmark (Azure D64s v6)",
)
_computer(
    "cloud_x86_avx2",
    "server_cpu",
    (1, 2),
    processor="one or two cores of a virtual server with AVX2",
    cores=2,
    ghz=2.6,
    ram_bytes=8 * GB,
    source="measured with onnxruntime for this package",
    runtimes=(RuntimeChoice("onnxruntime", (1, 2), ("fp32", "int8")),),
)

# ---------------------------------------------------------------- graphics cards


def _card(name: str, processor: str, gflops: float, **sheet: Any) -> None:
    watts = sheet.pop("tdp_w", 0.0)
    power = Power(watts / 2, watts, "half to all of the board power of the data sheet")
    choices = (
        RuntimeChoice("tensorrt", (0,), ("fp16", "fp32", "int8"), "gpu"),
        RuntimeChoice("pytorch", (0,), ("fp16", "fp32"), "gpu"),
        RuntimeChoice("onnxruntime", (0,), ("fp32", "fp16"), "gpu"),
    )
    DEVICES.add(
        name,
        DeviceSpec(
            kind="gpu",
            processor=processor,
            runtimes=choices,
            gpu_gflops=gflops,
            power=power if watts else None,
            **sheet,
        ),
    )


_card(
    "nvidia_t4",
    "Turing TU104",
    8140,
    memory_gbs=320,
    ram_bytes=16 * GB,
    tdp_w=70,
    source="NVIDIA data sheet and product brief",
)
_card(
    "nvidia_v100",
    "Volta GV100",
    15700,
    memory_gbs=900,
    ram_bytes=16 * GB,
    tdp_w=300,
    source="NVIDIA Tesla V100 architecture whitepaper",
)
_card(
    "nvidia_a100",
    "Ampere GA100",
    19500,
    memory_gbs=1555,
    ram_bytes=40 * GB,
    tdp_w=400,
    source="NVIDIA A100 architecture whitepaper",
)
_card(
    "nvidia_h200",
    "Hopper GH100",
    66910,
    memory_gbs=4800,
    ram_bytes=141 * GB,
    tdp_w=700,
    source="NVIDIA H200 data sheet",
)
_card(
    "nvidia_rtx_3090",
    "Ampere GA102",
    35580,
    memory_gbs=936,
    ram_bytes=24 * GB,
    tdp_w=350,
    source="NVIDIA Ampere GA102 architecture whitepaper",
)
_card(
    "nvidia_rtx_4090",
    "Ada AD102",
    82080,
    memory_gbs=1008,
    ram_bytes=24 * GB,
    tdp_w=450,
    source="Dr-Noob/peakperf (peak); NVIDIA Ada architecture whitepaper",
)
