"""From torch to ONNX, checked against torch on real images, and back as a model that answers."""

from kd_core.export.contract import FileContract
from kd_core.export.onnx_export import ParityReport, export_onnx
from kd_core.export.onnx_file import OnnxInfo, OnnxLimits, check_onnx_file
from kd_core.export.onnx_model import OnnxModel
from kd_core.export.onnx_teacher import OnnxTeacher

__all__ = [
    "FileContract",
    "OnnxInfo",
    "OnnxLimits",
    "OnnxModel",
    "OnnxTeacher",
    "ParityReport",
    "check_onnx_file",
    "export_onnx",
]
