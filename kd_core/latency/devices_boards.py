"""Small devices: microcontrollers, boards, edge GPUs, accelerators and phones.

Counts of cores and clocks are from the makers' documentation as the title of each benchmark names
them; operations per cycle from cpufetch's table of vector units.
"""

from __future__ import annotations

from typing import Any

from kd_core.latency.devices_spec import DEVICES, GB, MB, DeviceSpec, Power, RuntimeChoice

KB = 1024
RPI_DOCS = "Raspberry Pi documentation, bare-board active current at 5 V"
HPL = "geerlingguy/top500-benchmark (HPL at the wall)"


def cpu_runtimes(default: str, threads: tuple[int, ...]) -> tuple[RuntimeChoice, ...]:
    """What runs on the processor of a small board, the default first."""
    choices = {
        "onnxruntime": RuntimeChoice("onnxruntime", threads, ("fp32", "int8")),
        "xnnpack": RuntimeChoice("xnnpack", threads, ("fp32", "fp16", "int8")),
        "tflite": RuntimeChoice("tflite", threads, ("fp32", "int8")),
        "ncnn": RuntimeChoice("ncnn", threads, ("ncnn_default", "int8")),
        "opencv": RuntimeChoice("opencv", threads, ("fp32",)),
        "pytorch": RuntimeChoice("pytorch", threads, ("fp32",)),
    }
    return (choices.pop(default), *choices.values())


def _board(name: str, **sheet: Any) -> None:
    threads = tuple(dict.fromkeys((sheet["cores"], 1, 2)))
    sheet.setdefault("runtimes", cpu_runtimes("onnxruntime", threads))
    DEVICES.add(name, DeviceSpec(kind="board", **sheet))


_board(
    "raspberry_pi_zero_2w",
    processor="BCM2710A1, 4 × Cortex-A53 1.0 GHz",
    core="in_order_arm",
    cores=4,
    ghz=1.0,
    flops_per_cycle=8,
    memory_gbs=1.6,
    ram_bytes=512 * MB,
    power=Power(1.75, 2.1, f"{RPI_DOCS}; {HPL}"),
    sister="raspberry_pi_3b_plus",
    source="Raspberry Pi documentation; sbc-bench",
)
_board(
    "raspberry_pi_3b_plus",
    processor="BCM2837B0, 4 × Cortex-A53 1.4 GHz",
    core="in_order_arm",
    cores=4,
    ghz=1.4,
    flops_per_cycle=8,
    memory_gbs=1.6,
    ram_bytes=1 * GB,
    power=Power(2.5, 2.5, RPI_DOCS),
    sister="raspberry_pi_zero_2w",
    source="Raspberry Pi documentation; sbc-bench",
)
_board(
    "raspberry_pi_4",
    processor="BCM2711, 4 × Cortex-A72 1.8 GHz",
    core="out_of_order_arm",
    cores=4,
    ghz=1.8,
    flops_per_cycle=8,
    memory_gbs=12.8,
    ram_bytes=4 * GB,
    power=Power(3.0, 7.2, f"{RPI_DOCS}; {HPL}"),
    source="Raspberry Pi documentation; sbc-bench",
)
_board(
    "raspberry_pi_5",
    processor="BCM2712, 4 × Cortex-A76 2.4 GHz",
    core="out_of_order_arm",
    cores=4,
    ghz=2.4,
    flops_per_cycle=16,
    fp16=True,
    memory_gbs=17.1,
    ram_bytes=8 * GB,
    power=Power(4.0, 12.7, f"{RPI_DOCS}; {HPL}"),
    source="Raspberry Pi documentation; sbc-bench",
)
_board(
    "rk3588",
    processor="Rockchip RK3588, 4 × Cortex-A76 2.4 GHz + 4 × Cortex-A55 1.8 GHz",
    core="out_of_order_arm",
    cores=4,
    ghz=2.4,
    flops_per_cycle=16,
    fp16=True,
    memory_gbs=29.2,
    ram_bytes=8 * GB,
    power=Power(11.5, 12.0, HPL),
    source="ncnn benchmark; sbc-bench",
)
_board(
    "rk3399",
    processor="Rockchip RK3399, 2 × Cortex-A72 1.8 GHz + 4 × Cortex-A53 1.5 GHz",
    core="out_of_order_arm",
    cores=2,
    ghz=1.8,
    flops_per_cycle=8,
    ram_bytes=4 * GB,
    source="ncnn benchmark",
)
_board(
    "arduino_uno_q",
    processor="Qualcomm QRB2210, 4 × Cortex-A53 2.0 GHz",
    core="in_order_arm",
    cores=4,
    ghz=2.0,
    flops_per_cycle=8,
    ram_bytes=2 * GB,
    power=Power(3.5, 3.5, HPL),
    source="ncnn benchmark",
)
_board(
    "stm32mp157",
    processor="STM32MP157, 2 × Cortex-A7 0.65 GHz",
    core="in_order_arm",
    cores=2,
    ghz=0.65,
    flops_per_cycle=4,
    ram_bytes=512 * MB,
    runtimes=(
        RuntimeChoice("tflite", (2, 1), ("int8", "fp32")),
        RuntimeChoice("onnxruntime", (2, 1), ("fp32", "int8")),
    ),
    source="ST model zoo",
)

# ---------------------------------------------------------------- edge GPUs


def _jetson(name: str, threads: int, **sheet: Any) -> None:
    gpu = RuntimeChoice("tensorrt", (0,), ("fp16", "fp32", "int8"), "gpu")
    torch = RuntimeChoice("pytorch", (0,), ("fp16", "fp32"), "gpu")
    vulkan = RuntimeChoice("ncnn_vulkan", (0,), ("ncnn_default",), "gpu")
    on_cpu = (
        RuntimeChoice("ncnn", (threads, 1), ("ncnn_default", "int8")),
        RuntimeChoice("onnxruntime", (threads, 1), ("fp32", "int8")),
    )
    DEVICES.add(
        name,
        DeviceSpec(
            kind="edge_gpu",
            runtimes=(gpu, torch, vulkan, *on_cpu),
            core="out_of_order_arm",
            cores=threads,
            **sheet,
        ),
    )


_jetson(
    "jetson_nano",
    4,
    processor="128-core Maxwell 921 MHz, 4 × Cortex-A57 1.43 GHz",
    ghz=1.43,
    flops_per_cycle=8,
    memory_gbs=25.6,
    gpu_gflops=235.8,
    ram_bytes=4 * GB,
    power=Power(5.0, 10.0, "NVIDIA power modes 5 W and 10 W"),
    source="NVIDIA; Ultralytics' Jetson guide",
)
_jetson(
    "jetson_tx2_nx",
    6,
    processor="256-core Pascal, 2 × Denver 2 + 4 × Cortex-A57 2.0 GHz",
    ghz=2.0,
    flops_per_cycle=8,
    memory_gbs=51.2,
    gpu_gflops=750,
    ram_bytes=4 * GB,
    power=Power(7.5, 15.0, "NVIDIA power modes 7.5 W and 15 W"),
    source="ncnn benchmark; NVIDIA",
)
_jetson(
    "jetson_xavier_nx",
    6,
    processor="384-core Volta 1100 MHz, 6 × Carmel 1.9 GHz",
    ghz=1.9,
    flops_per_cycle=16,
    fp16=True,
    memory_gbs=59.7,
    gpu_gflops=844.8,
    npu_tops=21,
    ram_bytes=8 * GB,
    sister="jetson_agx_xavier",
    source="NVIDIA DA-09366-001",
)
_jetson(
    "jetson_agx_xavier",
    8,
    processor="512-core Volta 1377 MHz, 8 × Carmel 2.2 GHz",
    ghz=2.2,
    flops_per_cycle=16,
    fp16=True,
    memory_gbs=136.5,
    gpu_gflops=1410,
    npu_tops=32,
    ram_bytes=32 * GB,
    source="Ultralytics' Jetson guide",
)
_jetson(
    "jetson_orin_nano",
    6,
    processor="1024-core Ampere 625 MHz, 6 × Cortex-A78AE 1.5 GHz",
    ghz=1.5,
    flops_per_cycle=16,
    fp16=True,
    memory_gbs=68,
    gpu_gflops=1280,
    npu_tops=20,
    ram_bytes=8 * GB,
    power=Power(7.0, 15.0, "NVIDIA power modes 7 W and 15 W"),
    sister="jetson_agx_orin",
    source="NVIDIA's data sheet before Super mode",
)
_jetson(
    "jetson_orin_nano_super",
    6,
    processor="1024-core Ampere 1020 MHz, 6 × Cortex-A78AE 1.7 GHz",
    ghz=1.7,
    flops_per_cycle=16,
    fp16=True,
    memory_gbs=102,
    gpu_gflops=2089,
    npu_tops=33.5,
    ram_bytes=8 * GB,
    power=Power(7.0, 25.0, "NVIDIA power modes 7 W and 25 W"),
    sister="jetson_orin_nano",
    source="Ultralytics' Jetson guide",
)
_jetson(
    "jetson_orin_nx",
    8,
    processor="1024-core Ampere 918 MHz, 8 × Cortex-A78AE 2.0 GHz",
    ghz=2.0,
    flops_per_cycle=16,
    fp16=True,
    memory_gbs=102.4,
    gpu_gflops=1880,
    npu_tops=50,
    ram_bytes=16 * GB,
    sister="jetson_agx_orin",
    source="Ultralytics' Jetson guide",
)
_jetson(
    "jetson_agx_orin",
    12,
    processor="2048-core Ampere 1.3 GHz, 12 × Cortex-A78AE 2.2 GHz",
    ghz=2.2,
    flops_per_cycle=16,
    fp16=True,
    memory_gbs=204.8,
    gpu_gflops=5325,
    npu_tops=137,
    ram_bytes=64 * GB,
    sister="jetson_orin_nano",
    source="Ultralytics' Jetson guide",
)
