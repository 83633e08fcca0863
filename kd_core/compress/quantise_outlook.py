"""Before quantising: where a network spends its time here, and what INT8 makes of that.

Time does not depend on the ranges of activations, so the network is quantised on the spot with
one range for all of them, and both files are timed on this machine: in turns for the whole, node
by node with onnxruntime's profiler for the reason.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto

from kd_core.compress.quantise_graph import prepare
from kd_core.compress.quantise_layers import RENAMED
from kd_core.compress.quantise_qdq import Scheme, bits_for_this_cpu, write_qdq
from kd_core.compress.quantise_timing import CONVERTING, NodeTime, medians_ms, node_times
from kd_core.export.onnx_file import write_model
from kd_core.latency.work import work_of
from kd_core.text import Msg

GROUPS = {
    "depthwise": "depthwise",
    **dict.fromkeys(("conv1x1", "conv3x3", "conv", "stem", "grouped"), "convolution"),
    **dict.fromkeys(("linear", "matmul"), "linear"),
}
"""Kinds of operators in :mod:`kd_core.latency.work`, joined; all others are ``other``."""

MULTIPLYING = frozenset(
    {"Conv", "FusedConv", "Gemm", "FusedGemm", "MatMul", "FusedMatMul"}
    | {"QLinearConv", "QGemm", "QLinearMatMul", "MatMulIntegerToFloat"}
)

HELPS = 1.15
"""Times as fast from which INT8 is said to help; less is within the noise of the clock."""

MOST = 0.5  # share of the time from which one kind decides
ANY_RANGE = (-1.0, 1.0)


@dataclass(frozen=True)
class Kind:
    """One kind of work in a network.

    Attributes:
        kind: ``depthwise``, ``convolution``, ``linear``, ``other``, or ``converting`` between
            number formats and layouts.
        ms: Milliseconds of one image, in float.
        int8_ms: The same in INT8.
        share: Of the time in float.
        macs_share: Of the multiplications.
    """

    kind: str
    ms: float
    int8_ms: float
    share: float
    macs_share: float


@dataclass(frozen=True)
class Outlook:
    """What INT8 brings on this machine.

    Attributes:
        kinds: The kinds of work, most time in float first.
        ms: Milliseconds of one image in float.
        int8_ms: The same in INT8, timed in turns.
    """

    kinds: tuple[Kind, ...]
    ms: float
    int8_ms: float

    @property
    def times_as_fast(self) -> float:
        """Time in float over time in INT8."""
        return self.ms / self.int8_ms

    @property
    def helps(self) -> bool:
        """Whether INT8 is worth it for speed."""
        return self.times_as_fast >= HELPS

    @property
    def msg(self) -> Msg:
        """One sentence with the reason."""
        most = self.kinds[0]
        spent = sum(kind.int8_ms for kind in self.kinds) or 1.0
        converting = sum(kind.int8_ms for kind in self.kinds if kind.kind == "converting")
        fields = {
            "kind": Msg(f"outlook.kind.{most.kind}"),
            "share": most.share,
            "gain": round(most.ms / most.int8_ms, 2) if most.int8_ms else None,
            "converting": converting / spent,
            "times": round(self.times_as_fast, 2),
        }
        return Msg("outlook.helps" if self.helps else "outlook.little", fields)

    def to_json(self) -> dict[str, Any]:
        """JSON-safe values."""
        return {
            "kinds": [vars(kind) for kind in self.kinds],
            "ms": self.ms,
            "int8_ms": self.int8_ms,
            "times_as_fast": self.times_as_fast,
            "helps": self.helps,
            "why": self.msg.to_json(),
        }


def outlook(file: Path, threads: int = 1) -> Outlook:
    """What INT8 would do to the time of a float file with our contract on this machine.

    Raises:
        ExportError: The file cannot be run, or is too old to be quantised.
    """
    model = prepare(file)
    shape = [dim.dim_value or 1 for dim in model.graph.input[0].type.tensor_type.shape.dim]
    noise = np.random.default_rng(0).standard_normal((1, *shape[1:]), np.float32)
    values = (*model.graph.value_info, *model.graph.input, *model.graph.output)
    ranges = {value.name: ANY_RANGE for value in values}
    quantised = write_qdq(model, ranges, Scheme(weight_bits=bits_for_this_cpu()))
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / "int8.onnx"
        write_model(quantised, trial)
        ms, int8_ms = medians_ms([file, trial], noise, threads)
        names, macs = _kinds(model)
        before = _by_kind(node_times(file, noise, threads), names)
        after = _by_kind(node_times(trial, noise, threads), names)
    total, multiplications = sum(before.values()) or 1.0, sum(macs.values()) or 1
    kinds = [
        Kind(
            kind=kind,
            ms=before.get(kind, 0.0),
            int8_ms=after.get(kind, 0.0),
            share=before.get(kind, 0.0) / total,
            macs_share=macs.get(kind, 0) / multiplications,
        )
        for kind in dict.fromkeys([*before, *after])
    ]
    return Outlook(tuple(sorted(kinds, key=lambda kind: -kind.ms)), ms, int8_ms)


def _kinds(model: ModelProto) -> tuple[Mapping[str, str], dict[str, int]]:
    """The kind of each node by all names that the runtime may give it, and multiplications."""
    of_node: dict[str, str] = {}
    macs: dict[str, int] = {}
    kind_of = {}
    for op in work_of(model).ops:
        kind = GROUPS.get(op.kind, "other")
        macs[kind] = macs.get(kind, 0) + op.macs
        kind_of[op.name] = kind
    readers = {name: node for node in model.graph.node for name in node.input}
    for node in model.graph.node:
        out = node.output[0]
        names = {node.name, out}
        if out in readers:  # an activation is fused, and the pair has the name of its output
            names |= {readers[out].output[0], f"fused {node.name}"}
        if node.name in kind_of:
            of_node |= dict.fromkeys(names, kind_of[node.name])
    return of_node, macs


def _by_kind(rows: list[NodeTime], names: Mapping[str, str]) -> dict[str, float]:
    """Milliseconds by kind; only what multiplies is looked up by its name."""
    found: dict[str, float] = {}
    for row in rows:
        kind = "converting" if row.op in CONVERTING else "other"
        if row.op in MULTIPLYING:
            kind = names.get(RENAMED.sub("", row.name), "convolution")
        found[kind] = found.get(kind, 0.0) + row.ms
    return found
