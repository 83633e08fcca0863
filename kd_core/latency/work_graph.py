"""From the nodes of a graph to the operators that a runtime starts; see kd_core/latency/work.py."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from onnx import NodeProto

from kd_core.errors import ExportError
from kd_core.latency.work import Op

Shape = tuple[int, ...]

CONVS = {"Conv", "ConvTranspose", "QLinearConv", "ConvInteger", "FusedConv", "NhwcConv"}
MATRICES = {"Gemm", "MatMul", "QLinearMatMul", "MatMulInteger", "QGemm", "FusedMatMul"}
MATRICES |= {"FusedGemm", "MatMulIntegerToFloat", "DynamicQuantizeMatMul", "MatMulNBits"}
QUANTISED = {"QLinearConv", "ConvInteger", "QLinearMatMul", "MatMulInteger", "QGemm"}
FREE = {"Identity", "Dropout", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Shape", "Constant"}
FREE |= {"ConstantOfShape", "Range", "Size", "Cast", "CastLike", "Gather"}
FUSED = {"Relu", "Clip", "LeakyRelu", "PRelu", "BatchNormalization"}
"""What disappears in the operator in front of it where that computes or adds."""
POOLS = {"MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceMax"}
POOLS |= {"QLinearAveragePool", "QLinearGlobalAveragePool", "ReduceSum", "LpPool"}
BINARY = {"Add", "Mul", "Sub", "Div", "QLinearAdd", "QLinearMul", "Sum", "Max", "Min", "Pow"}
UNARY = {"Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Elu", "Selu", "Gelu", "Erf", "Softplus"}
UNARY |= {"Exp", "Sqrt", "Mish", "QLinearSigmoid", "QuickGelu", "FastGelu", "BiasGelu", "Swish"}
UNARY |= {"Neg", "Abs", "Reciprocal", "Log", "Celu", "ThresholdedRelu", "Softsign", "Relu", "Clip"}
UNARY |= {"LeakyRelu", "PRelu", "QLinearLeakyRelu", "Not", "Floor", "Round"}
NORMS = {"BatchNormalization", "LayerNormalization", "InstanceNormalization", "LRN"}
NORMS |= {"GroupNormalization", "SkipLayerNormalization", "RMSNormalization"}
STEM_CHANNELS = 4
"""Input channels up to which a convolution reads the image itself."""
FEW_ROWS = 8
"""Rows up to which a matrix product is bound by reading its weights."""
SMALL_INTEGERS = 64


@dataclass
class Graph:
    """What is read from the file.

    Attributes:
        nodes: In the order of execution.
        shapes: Shape of each tensor that is not constant, where known.
        constants: Shape of each constant.
        eight_bit: Constants of 8 or 4 bits.
        inputs: Tensors that come from outside.
        outputs: Tensors that go outside.
    """

    nodes: Sequence[NodeProto]
    shapes: dict[str, Shape]
    constants: dict[str, Shape]
    eight_bit: set[str]
    inputs: Sequence[str]
    outputs: Sequence[str]


@dataclass
class Lives:
    """First and last use of each tensor, in steps.

    Attributes:
        size: Numbers of a tensor.
        born: Step that writes it; -1 for inputs.
        last: Last step that reads it.
        same: Tensors that share memory with an earlier one.
    """

    size: dict[str, int] = field(default_factory=dict)
    born: dict[str, int] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)
    same: dict[str, str] = field(default_factory=dict)

    def root(self, name: str) -> str:
        """The tensor whose memory this one is."""
        while name in self.same:
            name = self.same[name]
        return name


class _Reader:
    """Walks the nodes once and remembers what each tensor came from."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.constant = dict(graph.constants)
        self.eight = set(graph.eight_bit)
        self.shapes = dict(graph.shapes)
        self.uses = Counter(name for node in graph.nodes for name in node.input)
        self.uses.update(graph.outputs)
        self.ops: list[Op] = []
        self.maker: dict[str, int] = {}  # tensor -> operator that a fused node may join
        self.source: dict[str, str] = {}  # result of an activation -> what it is a function of
        self.quantised: set[str] = set()  # tensors that a runtime keeps in 8 bits
        self.lives = Lives()
        for name in graph.inputs:
            self.lives.size[name], self.lives.born[name] = self.numbers(name), -1

    def numbers(self, name: str) -> int:
        shape = self.constant.get(name, self.shapes.get(name))
        return 0 if shape is None else math.prod(shape)

    def read(self, node: NodeProto) -> None:
        inputs = [name for name in node.input if name]
        moving = [name for name in inputs if name not in self.constant]
        if not moving or node.op_type == "Constant":
            self._fold(node, inputs)
        elif node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            self._convert(node, moving[0])
        elif node.op_type in FREE or self._only_numbers_of_shapes(node):
            self._alias(node, moving[0])
        elif node.op_type in FUSED and self._joins(moving[0]):
            self._join(node, moving[0])
        elif self._goes_on(node, moving):
            self._join(node, next(name for name in moving if name in self.source))
        else:
            self._add(node, inputs, moving)

    def _fold(self, node: NodeProto, inputs: list[str]) -> None:
        for name in node.output:
            shape = next((a.t.dims for a in node.attribute if a.name == "value"), None)
            largest = max((self.constant[i] for i in inputs), key=math.prod, default=())
            known = tuple(shape) if shape is not None else self.shapes.get(name, largest)
            self.constant[name] = known
            if self.eight & set(inputs):
                self.eight.add(name)

    def _convert(self, node: NodeProto, data: str) -> None:
        """Nodes between operators of 8 bits; only the first, behind an input, costs something."""
        if node.op_type == "QuantizeLinear" and self.lives.root(data) in self.graph.inputs:
            self._append(node, "memory", 0, 0, [data])
            self.maker.pop(node.output[0], None)
        else:
            self._alias(node, data)
        self.quantised.update(node.output)

    def _alias(self, node: NodeProto, data: str) -> None:
        for name in node.output[:1]:
            self.lives.same[name] = data
            if data in self.maker and self.uses[data] == 1:
                self.maker[name] = self.maker[data]
            if data in self.source:
                self.source[name] = self.source[data]
            if data in self.quantised:
                self.quantised.add(name)

    def _only_numbers_of_shapes(self, node: NodeProto) -> bool:
        """Arithmetic on shapes: tiny tensors that a runtime computes once."""
        names = (*node.input, *node.output)
        return node.op_type not in CONVS | MATRICES | POOLS and all(
            len(self.shapes.get(name, self.constant.get(name, ()))) <= 1
            and self.numbers(name) <= SMALL_INTEGERS
            for name in names
            if name
        )

    def _joins(self, data: str) -> bool:
        return data in self.maker and self.uses[data] == 1

    def _goes_on(self, node: NodeProto, moving: list[str]) -> bool:
        """One more step of an activation that is written in several nodes, such as x·σ(x)."""
        if node.op_type not in BINARY | UNARY or not any(name in self.source for name in moving):
            return False
        roots = {self.lives.root(name) for name in moving if name not in self.source}
        sources = {self.source[name] for name in moving if name in self.source}
        return len(roots | sources) == 1

    def _join(self, node: NodeProto, data: str) -> None:
        name = node.output[0]
        self.lives.same[name] = data
        if data in self.maker:
            self.maker[name] = self.maker[data]
        if data in self.source:
            self.source[name] = self.source[data]

    def _add(self, node: NodeProto, inputs: list[str], moving: list[str]) -> None:
        kind, macs = self._kind(node, inputs, moving)
        weights = sum(self.numbers(name) for name in inputs if name in self.constant)
        self._append(node, kind, macs, weights if macs or kind == "norm" else 0, moving)
        name = node.output[0]
        if kind in ("activation",):
            self.source[name] = self.lives.root(moving[0])
        elif macs or kind in ("elementwise", "norm"):
            self.maker[name] = len(self.ops) - 1

    def _append(
        self, node: NodeProto, kind: str, macs: int, weights: int, moving: list[str]
    ) -> None:
        step = len(self.ops)
        name = node.name or node.output[0]
        reads = sum(self.numbers(tensor) for tensor in moving)
        writes = sum(self.numbers(tensor) for tensor in node.output if tensor)
        int8 = node.op_type in QUANTISED or bool(
            (self.eight & set(node.input)) or (self.quantised & set(moving) and macs)
        )
        self.ops.append(Op(name, kind, macs, weights, reads, writes, int8))
        for tensor in moving:
            self.lives.last[self.lives.root(tensor)] = step
        for tensor in node.output:
            if tensor:
                self.lives.size[tensor] = self.numbers(tensor)
                self.lives.born[tensor] = step

    def _kind(self, node: NodeProto, inputs: list[str], moving: list[str]) -> tuple[str, int]:
        """Kind and multiplications of a node."""
        kind = node.op_type
        if kind in CONVS:
            return self._conv(node, inputs)
        if kind in MATRICES:
            return self._matrix(node, inputs)
        if kind in POOLS:
            return "pool", 0
        if kind in BINARY:
            return ("elementwise" if len(moving) > 1 else "activation"), 0
        if kind in UNARY:
            return "activation", 0
        return ("norm" if kind in NORMS else "memory"), 0

    def _conv(self, node: NodeProto, inputs: list[str]) -> tuple[str, int]:
        quantised = node.op_type == "QLinearConv"
        place = 3 if quantised else 1
        weight = self.constant.get(node.input[place]) or self.shapes.get(node.input[place])
        out, data = self.shapes.get(node.output[0]), self.shapes.get(inputs[0])
        if not weight or not out or not data or len(weight) < 3:
            raise ExportError("estimate_shapes", detail=node.name or node.output[0])
        settings = {a.name: a for a in node.attribute}
        groups = settings["group"].i if "group" in settings else 1
        if node.op_type == "ConvTranspose":
            return "conv", math.prod(data) * math.prod(weight[1:])
        strides = tuple(settings["strides"].ints) if "strides" in settings else (1,)
        macs = math.prod(out) * math.prod(weight[1:])
        return conv_kind(weight[1] * groups, weight[0], weight[2:], groups, max(strides)), macs

    def _matrix(self, node: NodeProto, inputs: list[str]) -> tuple[str, int]:
        out, data = self.shapes.get(node.output[0]), self.shapes.get(inputs[0])
        if not out or not data:
            raise ExportError("estimate_shapes", detail=node.name or node.output[0])
        transposed = any(a.name == "transA" and a.i for a in node.attribute)
        inner = data[0] if transposed else data[-1]
        rows = math.prod(out[:-1])
        return ("linear" if rows <= FEW_ROWS else "matmul"), math.prod(out) * inner


def conv_kind(inputs: int, outputs: int, kernel: Sequence[int], groups: int, stride: int) -> str:
    """Kind of a convolution.

    >>> conv_kind(64, 64, (3, 3), 1, 1), conv_kind(64, 64, (3, 3), 64, 2)
    ('conv3x3', 'depthwise')
    """
    if groups > 1:
        return "depthwise" if groups == inputs else "grouped"
    if math.prod(kernel) == 1:
        return "conv1x1"
    if inputs <= STEM_CHANNELS:
        return "stem"
    return "conv3x3" if tuple(kernel) == (3, 3) and stride == 1 else "conv"


def operators(graph: Graph) -> tuple[list[Op], Lives]:
    """The operators in order, and how long each tensor lives.

    Raises:
        ExportError: ``estimate_shapes`` where the shape of a convolution or matrix is not known.
    """
    reader = _Reader(graph)
    for node in graph.nodes:
        reader.read(node)
    last = len(reader.ops)
    for name in graph.outputs:
        reader.lives.last[reader.lives.root(name)] = last
    return reader.ops, reader.lives


def peak(lives: Lives) -> int:
    """Largest count of numbers that live at the same time, inputs and outputs included."""
    change: Counter[int] = Counter()
    for name, born in lives.born.items():
        change[born] += lives.size[name]
        change[lives.last.get(name, born) + 1] -= lives.size[name]
    alive = most = 0
    for step in sorted(change):
        alive += change[step]
        most = max(most, alive)
    return most
