"""Microcontrollers, accelerators and phones."""

from __future__ import annotations

from typing import Any

from kd_core.latency.devices_spec import DEVICES, GB, MB, DeviceSpec, Power, RuntimeChoice

KB = 1024
TINY = "mlcommons/tiny_results v1.0 to v1.2, energy/results.txt: least and most mean power"


def _controller(name: str, runtimes: tuple[str, ...], **sheet: Any) -> None:
    unit = sheet.pop("unit", "mcu")
    choices = tuple(RuntimeChoice(runtime, (0,), ("int8",), unit) for runtime in runtimes)
    core = sheet.pop("core", "cortex_m")
    DEVICES.add(
        name,
        DeviceSpec(kind="microcontroller", runtimes=choices, core=core, cores=1, **sheet),
    )


ST = ("stm32cube_ai", "cmsis_nn")
_controller(
    "stm32h747",
    ST,
    processor="Cortex-M7 400 MHz",
    ghz=0.4,
    flops_per_cycle=2,
    ram_bytes=1024 * KB,
    flash_bytes=2048 * KB,
    sister="stm32h7a3",
    source="ST model zoo",
)
_controller(
    "stm32h7a3",
    ST,
    processor="Cortex-M7 280 MHz",
    ghz=0.28,
    flops_per_cycle=2,
    ram_bytes=1400 * KB,
    flash_bytes=2048 * KB,
    power=Power(0.122, 0.163, TINY),
    sister="stm32h747",
    source="MLPerf Tiny",
)
_controller(
    "stm32f746",
    ST,
    processor="Cortex-M7 216 MHz",
    ghz=0.216,
    flops_per_cycle=2,
    ram_bytes=320 * KB,
    flash_bytes=1024 * KB,
    sister="stm32h747",
    source="ST data sheet",
)
_controller(
    "stm32l4r5",
    ST,
    processor="Cortex-M4 120 MHz",
    ghz=0.12,
    flops_per_cycle=1,
    ram_bytes=640 * KB,
    flash_bytes=2048 * KB,
    power=Power(0.035, 0.078, TINY),
    source="ST data sheet; MLPerf Tiny",
)
_controller(
    "stm32u575",
    ST,
    processor="Cortex-M33 160 MHz",
    ghz=0.16,
    flops_per_cycle=1,
    ram_bytes=786 * KB,
    flash_bytes=2048 * KB,
    power=Power(0.0227, 0.027, TINY),
    source="MLPerf Tiny",
)
_controller(
    "stm32n6",
    ("stm32cube_ai",),
    processor="Cortex-M55 800 MHz, Neural-ART 1 GHz",
    unit="npu",
    ghz=0.8,
    flops_per_cycle=4,
    npu_tops=0.6,
    ram_bytes=4200 * KB,
    flash_bytes=128 * MB,
    source="ST product page",
)
_controller(
    "esp32_s3",
    ("tflite_micro",),
    processor="2 × Xtensa LX7 240 MHz",
    core="none",
    ghz=0.24,
    flops_per_cycle=1,
    ram_bytes=512 * KB,
    flash_bytes=8 * MB,
    source="Espressif data sheet",
)

# ---------------------------------------------------------------- accelerators


def _coral(name: str, processor: str) -> None:
    edge = RuntimeChoice("coral_edgetpu", (0,), ("int8",), "npu")
    DEVICES.add(
        name,
        DeviceSpec(
            kind="accelerator",
            processor=processor,
            runtimes=(edge,),
            npu_tops=4,
            memory_gbs=0.5,
            ram_bytes=1 * GB,
            power=Power(1.0, 2.0, "Coral, 0.5 W per TOPS"),
            source="coral.ai",
        ),
    )


_coral("coral_usb", "Edge TPU at a USB 3 port")
_coral("coral_dev_board", "Edge TPU on a board with 4 × Cortex-A53")

# ---------------------------------------------------------------- phones


def _phone(name: str, npu: bool = True, cores: int = 4, **sheet: Any) -> None:
    choices = [
        RuntimeChoice("tflite", (cores, 1), ("fp32", "int8")),
        RuntimeChoice("ncnn", (cores, 1), ("ncnn_default", "int8")),
        RuntimeChoice("ncnn_vulkan", (0,), ("ncnn_default",), "gpu"),
        RuntimeChoice("onnxruntime", (cores, 1), ("fp32", "int8")),
    ]
    if npu:
        formats = sheet.pop("npu_precisions", ("fp16", "int8", "w8a16"))
        choices.insert(0, RuntimeChoice("qnn", (0,), formats, "npu"))
    DEVICES.add(
        name,
        DeviceSpec(
            kind="phone",
            runtimes=tuple(choices),
            core="out_of_order_arm",
            cores=cores,
            flops_per_cycle=sheet.pop("flops_per_cycle", 16),
            fp16=sheet.pop("fp16", True),
            ram_bytes=sheet.pop("ram_bytes", 8 * GB),
            source=sheet.pop("source", "ncnn benchmark; Qualcomm AI Hub"),
            **sheet,
        ),
    )


_phone(
    "snapdragon_835",
    npu=False,
    processor="4 × Kryo 280 2.45 GHz",
    ghz=2.45,
    fp16=False,
    flops_per_cycle=8,
    ram_bytes=4 * GB,
)
_phone("snapdragon_855", npu=False, processor="1 + 3 × Cortex-A76 2.84 GHz", ghz=2.6, memory_gbs=34)
_phone("snapdragon_888", npu=False, processor="1 × X1 2.84 + 3 × A78 2.4 GHz", ghz=2.5)
_phone(
    "snapdragon_8_gen2",
    npu=False,
    processor="1 × X3 3.2 + 4 × A715/A710 2.8 GHz, Hexagon",
    ghz=2.9,
    flops_per_cycle=20,
    memory_gbs=64,
)
_phone("snapdragon_8_gen3", processor="1 × X4 3.3 + 5 × A720 3.2 GHz, Hexagon", ghz=3.2)
_phone("snapdragon_8_elite", processor="2 + 6 × Oryon 4.3 GHz, Hexagon", ghz=4.0)
_phone("dimensity_9300", npu=False, processor="4 × X4 3.25 + 4 × A720 2.0 GHz", ghz=2.95)
_phone(
    "qcs6490",
    npu_precisions=("int8", "w8a16"),  # its NPU has no floats
    processor="4 × A78 2.7 GHz, Hexagon",
    ghz=2.5,
    power=Power(10.1, 10.1, "geerlingguy/top500-benchmark (HPL at the wall, Radxa Dragon Q6A)"),
)
DEVICES.add(
    "iphone_12_pro",
    DeviceSpec(
        kind="phone",
        processor="Apple A14, 16-core Neural Engine",
        runtimes=(RuntimeChoice("coreml", (0,), ("fp16",), "npu"),),
        npu_tops=11,
        ram_bytes=6 * GB,
        source="apple/ml-mobileone",
    ),
)
