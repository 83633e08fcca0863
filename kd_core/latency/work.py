"""The work of a network: its operators with multiplications and bytes, read from the ONNX file.

Each operator that a runtime would start is one :class:`Op`. What a runtime folds away is no
operator: constants, reshapes, batch norms behind a convolution, ReLU and its like behind whatever
computes, and the quantise and dequantise nodes between INT8 operators.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnx import ModelProto

COMPUTE = (
    "conv1x1",
    "conv3x3",
    "conv",
    "stem",
    "depthwise",
    "grouped",
    "linear",
    "matmul",
)
"""Kinds that multiply. ``conv3x3`` has stride 1, where runtimes have a faster method (Winograd);
``stem`` reads at most four channels; ``linear`` serves one row, ``matmul`` many."""
MEMORY = ("pool", "elementwise", "activation", "norm", "memory")
"""Kinds whose time is that of reading and writing; unknown operators are ``memory``."""
KINDS = (*COMPUTE, *MEMORY)

BYTES = {"fp32": 4, "fp16": 2, "int8": 1, "int4": 1, "ncnn_default": 2, "bf16": 2}
"""Bytes of one number by precision; activations of INT4 networks have at least one byte."""


@dataclass(frozen=True, slots=True)
class Op:
    """One operator of one call.

    Attributes:
        name: Name in the file.
        kind: One of ``KINDS``.
        macs: Multiplications with an addition each.
        weights: Numbers it reads that belong to the network.
        reads: Numbers it reads that other operators wrote.
        writes: Numbers it writes.
        int8: It computes with 8-bit numbers.
    """

    name: str
    kind: str
    macs: int
    weights: int
    reads: int
    writes: int
    int8: bool = False

    def to_json(self) -> list[Any]:
        """The fields in order."""
        row = [self.name, self.kind, self.macs, self.weights, self.reads, self.writes]
        return [*row, True] if self.int8 else row


@dataclass(frozen=True, eq=False)
class Columns:
    """The operators of a work as arrays, equal ones put together.

    Attributes:
        kind: (ops,) place in ``KINDS``.
        macs: (ops,) multiplications of one.
        elements: (ops,) numbers that one reads and writes, weights included.
        count: (ops,) how many there are.
        effort: (ops,) multiplications, with what a convolution in tiles does in vain.
        weights: (ops,) numbers of them that belong to the network.
    """

    kind: NDArray[np.intp]
    macs: NDArray[np.float64]
    elements: NDArray[np.float64]
    count: NDArray[np.float64]
    effort: NDArray[np.float64]
    weights: NDArray[np.float64]

    def by_kind(self) -> Columns:
        """The same operators, those of one kind together."""
        order = np.argsort(self.kind, kind="stable")
        parts = (self.macs, self.elements, self.count, self.effort, self.weights)
        return Columns(self.kind[order], *(part[order] for part in parts))


def in_tiles(
    kind: NDArray[np.float64],
    macs: NDArray[np.float64],
    weights: NDArray[np.float64],
    moved: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Multiplications that a convolution counts for where 3 × 3 ones are done in tiles (Winograd).

    Tiles of 6 × 6 results, or of 4 × 4 at 1.27 times the cost a result, stand over the edge of a
    small map; the transforms of tiles weigh more, the fewer channels there are (Lavin & Gray 2016).

    Args:
        kind: (ops,) place in ``KINDS``.
        macs: (ops,) multiplications of the direct method.
        weights: (ops,) weights.
        moved: (ops,) numbers read and written for one image.
    """
    pixels = np.where(weights > 0, macs / np.maximum(weights, 1), 1e6)
    side = np.maximum(1, np.round(np.sqrt(np.minimum(pixels, 1e8))))
    over = np.minimum((np.ceil(side / 6) * 6) ** 2, 1.27 * (np.ceil(side / 4) * 4) ** 2) / side**2
    channels = np.maximum(1, moved / np.maximum(side**2, 1) / 2)
    tiled = macs * over * (1 + TRANSFORM_CHANNELS / channels)
    packed = np.where(np.isin(kind, DENSE), macs * (1 + PACKED_CHANNELS / channels), macs)
    return np.where(kind == KINDS.index("conv3x3"), tiled, packed)


DENSE = tuple(KINDS.index(kind) for kind in ("conv1x1", "conv", "grouped"))
TRANSFORM_CHANNELS, PACKED_CHANNELS = 256, 64
"""Channels at which transforming the tiles, or packing the numbers of another convolution, takes as
long as multiplying them; from the held-out errors of ncnn's table."""


@dataclass(frozen=True)
class Work:
    """What one call of a network has to do.

    Attributes:
        ops: Operators in the order of execution.
        precision: Number format of the file: ``fp32``, ``fp16``, ``int8`` or ``int4``.
        batch: Images of one call.
        image: Channels, height and width of an image.
        weights_bytes: Bytes of all constants in the file.
        peak_activation: Largest count of numbers between operators that live at the same time.
        sparsity: Share of zeros among the weights.
        name: What it is called, for messages.
    """

    ops: tuple[Op, ...]
    precision: str = "fp32"
    batch: int = 1
    image: tuple[int, ...] = ()
    weights_bytes: int = 0
    peak_activation: int = 0
    sparsity: float = 0.0
    name: str = field(default="", compare=False)

    @property
    def macs(self) -> int:
        """Multiplications of one call."""
        return sum(op.macs for op in self.ops)

    @property
    def n_ops(self) -> int:
        """Operators of one call."""
        return len(self.ops)

    @property
    def weights(self) -> int:
        """Weights that the operators read."""
        return sum(op.weights for op in self.ops)

    @functools.cached_property
    def key(self) -> str:
        """Hash of what an estimate depends on; equal networks have equal keys."""
        rows = [self.precision, self.batch, [op.to_json()[1:] for op in self.ops]]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:32]

    @functools.cached_property
    def columns(self) -> Columns:
        """The operators as arrays, equal ones counted."""
        unique, count = np.unique(self._rows(), axis=0, return_counts=True)  # (ops, 4), (ops,)
        return self._columns(unique, count.astype(np.float64))

    @functools.cached_property
    def each_op(self) -> Columns:
        """The operators as arrays in their order."""
        rows = self._rows()
        return self._columns(rows, np.ones(len(rows)))

    def _rows(self) -> NDArray[np.float64]:
        place = {kind: i for i, kind in enumerate(KINDS)}
        rows = [(place[op.kind], op.macs, op.weights, op.reads + op.writes) for op in self.ops]
        return np.array(rows, np.float64).reshape(-1, 4)

    def _columns(self, rows: NDArray[np.float64], count: NDArray[np.float64]) -> Columns:
        kind, macs, weights, moved = rows.T
        effort = in_tiles(kind, macs, weights, moved / max(1, self.batch))
        return Columns(kind.astype(np.intp), macs, weights + moved, count, effort, weights)

    def to_json(self) -> dict[str, Any]:
        """JSON-safe dictionary."""
        return {
            "name": self.name,
            "precision": self.precision,
            "batch": self.batch,
            "image": list(self.image),
            "weights_bytes": self.weights_bytes,
            "peak_activation": self.peak_activation,
            "sparsity": self.sparsity,
            "ops": [op.to_json() for op in self.ops],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Work:
        """The work that :meth:`to_json` wrote."""
        known = dict(data)
        known["ops"] = tuple(Op(*row) for row in known["ops"])
        known["image"] = tuple(known.get("image", ()))
        return cls(**known)


def work_of(source: Path | bytes | ModelProto, size: int | None = None) -> Work:
    """The work of one call of an ONNX image network; nothing of the file is run.

    A free batch counts as one image. A free image size is taken from ``size`` or from the file's
    own contract.

    Args:
        source: The file, its content, or the model.
        size: Side of the images where the file leaves it open.

    Raises:
        ExportError: ``file_missing``, ``estimate_unreadable``, ``estimate_no_image``,
            ``estimate_free_size`` or ``estimate_shapes``.
    """
    from kd_core.latency.work_onnx import read_work  # onnx takes a third of a second

    return read_work(source, size)
