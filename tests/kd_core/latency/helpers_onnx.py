"""Small ONNX networks, made by hand."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def network(width=8, size=16, batch=1, sparse=False, channels=3):
    """Convolution, batch norm, ReLU, depthwise, 1 × 1, swish, add, average, matrix."""
    rng = np.random.default_rng(0)

    def weight(name, *shape):
        values = rng.standard_normal(shape).astype(np.float32)
        return numpy_helper.from_array(
            values * (rng.random(shape) > 0.5) if sparse else values, name
        )

    initializers = [
        weight("w0", width, channels, 3, 3),
        *(numpy_helper.from_array(np.ones(width, np.float32), n) for n in ("s", "b", "m", "v")),
        weight("w1", width, 1, 3, 3),
        weight("w2", width, width, 1, 1),
        weight("w3", 5, width),
        numpy_helper.from_array(np.array([0, -1], np.int64), "flat"),
    ]
    nodes = [
        helper.make_node("Conv", ["images", "w0"], ["a"], pads=[1] * 4),
        helper.make_node("BatchNormalization", ["a", "s", "b", "m", "v"], ["a1"]),
        helper.make_node("Relu", ["a1"], ["a2"]),
        helper.make_node("Conv", ["a2", "w1"], ["c"], pads=[1] * 4, group=width),
        helper.make_node("Conv", ["c", "w2"], ["d"]),
        helper.make_node("Sigmoid", ["d"], ["e"]),
        helper.make_node("Mul", ["d", "e"], ["f"]),
        helper.make_node("Add", ["f", "a2"], ["g"]),
        helper.make_node("GlobalAveragePool", ["g"], ["h"]),
        helper.make_node("Reshape", ["h", "flat"], ["i"]),
        helper.make_node("Gemm", ["i", "w3"], ["logits"], transB=1),
    ]
    images = helper.make_tensor_value_info(
        "images", TensorProto.FLOAT, [batch, channels, size, size]
    )
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, 5])
    graph = helper.make_graph(nodes, "small", [images], [logits], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])


def quantised(model, folder):
    """The same with INT8 convolutions between quantise and dequantise nodes."""
    from onnxruntime.quantization import QuantFormat, quantize_static

    class Noise:
        left = 2

        def get_next(self):
            self.left -= 1
            shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
            noise = np.random.default_rng(9 + self.left).standard_normal(shape, np.float32)
            return {"images": noise} if self.left >= 0 else None

    onnx.save(model, folder / "float.onnx")
    quantize_static(
        str(folder / "float.onnx"), str(folder / "int8.onnx"), Noise(), quant_format=QuantFormat.QDQ
    )
    return folder / "int8.onnx"
