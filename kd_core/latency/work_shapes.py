"""Shapes of the tensors of a graph, node by node, computing with the shapes themselves on the way.

onnx's own inference gives up where a reshape's target is computed from another shape, as in files
with a free batch. Here each node is inferred alone, and small integer arithmetic is carried out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, TypeProto, defs, numpy_helper
from onnx.reference import ReferenceEvaluator

SMALL = 4096
INTEGERS = (TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL)
FOLDED = {"Shape", "Gather", "Concat", "Unsqueeze", "Squeeze", "Slice", "Cast", "Add", "Mul"}
FOLDED |= {"Sub", "Div", "Constant", "ConstantOfShape", "Equal", "Where", "Reshape", "Expand"}
FOLDED |= {"Range", "Floor", "Size", "Identity", "Mod", "ReduceProd", "Max", "Min", "Neg"}
FAULTS = (ValueError, TypeError, KeyError, IndexError, RuntimeError, NotImplementedError)


class Shapes:
    """One pass over a model whose inputs have fixed shapes."""

    def __init__(self, model: ModelProto) -> None:
        self.opsets = {each.domain: each.version for each in model.opset_import}
        self.types: dict[str, TypeProto] = {}
        self.values: dict[str, NDArray[Any]] = {}
        for value in model.graph.input:
            self.types[value.name] = value.type
        for tensor in model.graph.initializer:
            kind = onnx.helper.make_tensor_type_proto(tensor.data_type, list(tensor.dims))
            self.types[tensor.name] = kind
            if int(np.prod(tensor.dims)) <= SMALL:
                self.values[tensor.name] = numpy_helper.to_array(tensor)
        for node in model.graph.node:
            self._infer(node)

    def _infer(self, node: NodeProto) -> None:
        try:
            self._fold(node)
            if node.output[0] in self.types:
                return
            schema = defs.get_schema(node.op_type, self.opsets.get(node.domain, 1), node.domain)
            known = {name: self.types[name] for name in node.input if name in self.types}
            data = {
                n: numpy_helper.from_array(self.values[n], n) for n in known if n in self.values
            }
            imports = [onnx.helper.make_opsetid(d, v) for d, v in self.opsets.items()]
            found = onnx.shape_inference.infer_node_outputs(
                schema, node, known, data, opset_imports=imports
            )
            self.types.update({name: kind for name, kind in found.items() if name})
        except (*FAULTS, onnx.shape_inference.InferenceError, defs.SchemaError):
            return  # an operator outside the standard: what it gives stays unknown

    def _fold(self, node: NodeProto) -> None:
        """Carry out arithmetic on small integers."""
        if node.op_type not in FOLDED or node.domain:
            return
        if node.op_type == "Shape":
            shape = self.shape(node.input[0])
            if shape is None or 0 in shape:
                return
            ends: dict[str, int] = {a.name: int(a.i) for a in node.attribute}
            first, last = ends.get("start", 0), ends.get("end", len(shape))
            result: NDArray[Any] = np.array(shape, np.int64)[first:last]
        else:
            if not all(name in self.values for name in node.input if name):
                return
            feeds = {name: self.values[name] for name in node.input if name}
            computed: Any = ReferenceEvaluator(node).run(None, feeds)
            result = computed[0]
        if result.size <= SMALL:
            self.values[node.output[0]] = result
            kind = onnx.helper.np_dtype_to_tensor_dtype(result.dtype)
            made = onnx.helper.make_tensor_type_proto(kind, list(result.shape))
            self.types[node.output[0]] = made

    def shape(self, name: str) -> tuple[int, ...] | None:
        """Dimensions, 0 for each that is not known; ``None`` if even the rank is unknown."""
        if name not in self.types or not self.types[name].tensor_type.HasField("shape"):
            return None
        return tuple(dim.dim_value for dim in self.types[name].tensor_type.shape.dim)

    def all(self) -> dict[str, tuple[int, ...]]:
        """Every shape whose rank is known; what stays free counts as one."""
        shapes = {name: self.shape(name) for name in self.types}
        return {n: tuple(max(1, d) for d in s) for n, s in shapes.items() if s is not None}
