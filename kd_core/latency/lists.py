"""The closed lists of runtimes and precisions; apart, so that an estimate loads little."""

from __future__ import annotations

from typing import Literal, get_args

Runtime = Literal[
    "onnxruntime",
    "ncnn",
    "ncnn_vulkan",
    "tflite",
    "xnnpack",
    "executorch",
    "nnapi",
    "qnn",
    "coreml",
    "tensorrt",
    "pytorch",
    "torch_compile",
    "openvino",
    "opencv",
    "mnn",
    "tnn",
    "tengine",
    "paddle_lite",
    "coral_edgetpu",
    "cmsis_nn",
    "stm32cube_ai",
    "tflite_micro",
]
"""What can run a network; here only onnxruntime measures, for the others there are estimates."""
Precision = Literal["fp32", "fp16", "int8", "int4", "ncnn_default", "w8a16"]
"""Number formats; ``ncnn_default`` stores fp16 and computes in it where the processor can."""
RUNTIMES: tuple[str, ...] = get_args(Runtime)
PRECISIONS: tuple[str, ...] = get_args(Precision)
