"""The work of a torch network without weights or images: a pass on tensors that have only a shape.

The rules are those of ``work_graph.py``, so that a network has the same operators whether it comes
from here or from its exported file; a test compares the two.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from kd_core.latency.work import Op, Work
from kd_core.latency.work_graph import FEW_ROWS, conv_kind

VIEWS = {"view", "_unsafe_view", "reshape", "t", "expand", "unsqueeze", "squeeze", "detach"}
VIEWS |= {"alias", "flatten", "select", "slice", "split", "split_with_sizes", "unbind", "chunk"}
VIEWS |= {"as_strided", "lift_fresh", "_to_copy", "dropout", "native_dropout", "view_as", "copy_"}
VIEWS |= {"_reshape_alias", "squeeze_", "unsqueeze_", "permute", "transpose", "index"}
NOTHING = {"zeros", "ones", "empty", "arange", "full", "zeros_like", "ones_like", "new_zeros"}
NOTHING |= {"scalar_tensor", "empty_like", "sym_size", "fill_", "linspace", "new_empty", "empty"}
NOTHING |= {"new_full", "zero_", "full_like", "unfold_backward", "_local_scalar_dense", "normal_"}
FUSED = {"relu", "relu_", "hardtanh", "hardtanh_", "clamp", "clamp_", "leaky_relu", "leaky_relu_"}
FUSED |= {"native_batch_norm", "_native_batch_norm_legit_no_training", "cudnn_batch_norm", "prelu"}
ACTIVATIONS = {"silu", "hardswish", "sigmoid", "hardsigmoid", "gelu", "tanh", "elu", "mish", "exp"}
ACTIVATIONS |= {"softplus", "pow", "sqrt", "rsqrt", "erf", "neg", "reciprocal", "clamp_min"}
BINARY = {"add", "mul", "sub", "div", "maximum", "minimum"}
POOLS = {"max_pool2d_with_indices", "avg_pool2d", "_adaptive_avg_pool2d", "mean", "sum", "amax"}
POOLS |= {"adaptive_max_pool2d", "max", "mean_dim"}
NORMS = {"native_layer_norm", "native_group_norm", "var_mean", "linalg_vector_norm"}
JOINABLE = {"elementwise", "norm"}


class _Recorder(TorchDispatchMode):
    """Writes an operator for each thing that torch does."""

    def __init__(self, weights: set[int]) -> None:
        super().__init__()
        self.weights = weights
        self.ops: list[Op] = []
        self.joinable: set[int] = set()  # tensors behind which ReLU and batch norm disappear
        self.alive: list[Any] = []  # so that no address is used twice
        self.births: list[tuple[int, int, int]] = []
        self.uses: dict[int, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.alive.append(result)
        name = func.overloadpacket.__name__
        inputs = [a for a in _flat(args) if isinstance(a, Tensor)]
        outputs = [r for r in _flat(result) if isinstance(r, Tensor)]
        if inputs and outputs:
            self.note(name, inputs, outputs, args)
        return result

    def note(self, name: str, inputs: list[Tensor], outputs: list[Tensor], args: Any) -> None:
        moving = [each for each in inputs if id(each) not in self.weights]
        plain = name.rstrip("_") if name not in ("copy_", "zero_", "fill_") else name
        if not moving:
            self.weights.update(map(id, outputs))
        elif name in NOTHING or plain in NOTHING:
            return
        elif name in VIEWS or plain in VIEWS:
            if id(moving[0]) in self.joinable:
                self.joinable.update(map(id, outputs))
        elif (name in FUSED or plain in FUSED) and id(moving[0]) in self.joinable:
            self.joinable.add(id(outputs[0]))
        else:
            self.add(plain, inputs, moving, outputs, args)

    def add(
        self,
        name: str,
        inputs: list[Tensor],
        moving: list[Tensor],
        outputs: list[Tensor],
        args: Any,
    ) -> None:
        kind, macs = _kind(name, moving, outputs[0], args)
        weights = sum(each.numel() for each in inputs if id(each) in self.weights)
        keeps = weights if macs or kind == "norm" else 0
        reads = sum(each.numel() for each in moving)
        label = f"{name}_{len(self.ops)}"
        self.ops.append(Op(label, kind, macs, keeps, reads, outputs[0].numel()))
        if macs or kind in JOINABLE:
            self.joinable.add(id(outputs[0]))


def _flat(values: Any) -> list[Any]:
    if isinstance(values, list | tuple):
        return [item for value in values for item in _flat(value)]
    return [values]


def _kind(name: str, moving: list[Tensor], out: Tensor, args: Any) -> tuple[str, int]:
    if name == "convolution":
        weight, stride, transposed, groups = args[1], args[3], args[6], args[8]
        if transposed:
            return "conv", moving[0].numel() * math.prod(weight.shape[1:])
        macs = out.numel() * math.prod(weight.shape[1:])
        inputs = weight.shape[1] * groups
        return conv_kind(inputs, weight.shape[0], weight.shape[2:], groups, max(stride)), macs
    if name in ("addmm", "mm", "bmm", "baddbmm"):
        first = args[1] if name in ("addmm", "baddbmm") else args[0]
        rows = out.shape[0] if out.dim() == 2 else math.prod(out.shape[:-1])
        return ("linear" if rows <= FEW_ROWS else "matmul"), out.numel() * first.shape[-1]
    if name in POOLS:
        return "pool", 0
    if name in ACTIVATIONS or name in FUSED - {"native_batch_norm"}:
        batch_norm = name.endswith("batch_norm") or "batch_norm" in name
        return ("norm" if batch_norm else "activation"), 0
    if name in BINARY:
        return ("elementwise" if len(moving) > 1 else "activation"), 0
    return ("norm" if name in NORMS or "batch_norm" in name else "memory"), 0


def trace(network: nn.Module, shape: tuple[int, ...]) -> Work:
    """The work of one call on a batch of this shape (n, C, H, W), or (n, features).

    Attention is written out as two products and a softmax, as an exported file has it.
    """
    meta = network.eval().to("meta")
    fixed = {id(each) for each in (*meta.parameters(), *meta.buffers())}
    recorder = _Recorder(fixed)
    backend = torch.nn.attention.SDPBackend.MATH
    with torch.no_grad(), torch.nn.attention.sdpa_kernel(backend), recorder:
        images = torch.empty(shape, device="meta")
        meta(images)
    size = sum(each.numel() for each in meta.parameters())
    return Work(tuple(recorder.ops), "fp32", shape[0], shape[1:], 4 * size)
