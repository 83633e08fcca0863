"""Which of some files is faster on this machine: timed in turns, so that noise hits all alike."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from kd_core.export.contract import INPUT
from kd_core.export.onnx_model import open_session
from kd_core.train.modes import Tick

WARMUP = 3
REPEATS = 21
CONVERTING = frozenset(
    {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "Cast", "Transpose"}
    | {"ReorderInput", "ReorderOutput"}
)


def medians_ms(
    files: Sequence[Path],
    image: NDArray[np.float32],
    threads: int = 1,
    repeats: int = REPEATS,
    tick: Tick = lambda stage, done, total: None,
) -> list[float]:
    """Median milliseconds of one call of each file, the files taking turns.

    Other work on the machine slows all of them alike, so ratios hold where a file timed after
    another would not; the figures of the record are measured by :mod:`kd_core.latency`.

    Args:
        files: Files with our contract.
        image: Normalised images of one call, (1, C, S, S).
        threads: Threads inside one operator.
        repeats: Rounds that count.
        tick: Reports progress.

    Raises:
        ExportError: A file cannot be opened.
    """
    sessions = [open_session(path, threads, onnxruntime.SessionOptions()) for path in files]
    feeds = [_feed(session, image) for session in sessions]
    times = np.empty((repeats, len(sessions)))
    for turn in range(-WARMUP, repeats):
        tick("measure", max(0, turn), repeats)
        for number, session in enumerate(sessions):
            began = time.perf_counter()
            session.run(None, feeds[number])
            if turn >= 0:
                times[turn, number] = (time.perf_counter() - began) * 1e3
    return [float(value) for value in np.median(times, axis=0)]


def _feed(
    session: onnxruntime.InferenceSession, image: NDArray[np.float32]
) -> dict[str, NDArray[np.float32]]:
    """One image, or as many copies of it as the file takes in one call."""
    first = session.get_inputs()[0].shape[0]
    return {INPUT: np.repeat(image, first, axis=0) if isinstance(first, int) else image}


@dataclass(frozen=True)
class NodeTime:
    """Time of one node of the runtime's own graph.

    Attributes:
        name: Its name.
        op: Its operator.
        ms: Milliseconds of the quickest call.
    """

    name: str
    op: str
    ms: float


def node_times(
    path: Path, image: NDArray[np.float32], threads: int = 1, repeats: int = 10
) -> list[NodeTime]:
    """Where a call spends its time, node by node, slowest first, by onnxruntime's profiler.

    Raises:
        ExportError: The file cannot be opened.
    """
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = open_session(path, threads, options)
        for _ in range(repeats + 1):
            session.run(None, _feed(session, image))
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    found: dict[tuple[str, str], list[float]] = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            key = event["name"].removesuffix("_kernel_time"), event["args"]["op_name"]
            found.setdefault(key, []).append(event["dur"] / 1e3)
    # the least disturbed call: other work on the machine only adds
    rows = [NodeTime(name, op, min(ms[1:])) for (name, op), ms in found.items()]
    return sorted(rows, key=lambda row: -row.ms)


def time_by_op(rows: Sequence[NodeTime]) -> list[dict[str, Any]]:
    """Milliseconds and share of the time by operator, slowest first, JSON-safe.

    >>> time_by_op([NodeTime("a", "Conv", 3.0), NodeTime("b", "Add", 1.0)])[0]
    {'op': 'Conv', 'nodes': 1, 'ms': 3.0, 'share': 0.75}
    """
    total = sum(row.ms for row in rows) or 1.0
    ops = {
        op: [row.ms for row in rows if row.op == op] for op in dict.fromkeys(row.op for row in rows)
    }
    table = [
        {"op": op, "nodes": len(ms), "ms": sum(ms), "share": sum(ms) / total}
        for op, ms in ops.items()
    ]
    return sorted(table, key=lambda row: -row["ms"])  # type: ignore[arg-type]


def converting_share(rows: Sequence[NodeTime]) -> float:
    """Share of the time that goes into turning numbers from one format into another.

    >>> converting_share([NodeTime("a", "QLinearConv", 3.0), NodeTime("b", "QuantizeLinear", 1.0)])
    0.25
    """
    total = sum(row.ms for row in rows) or 1.0
    return sum(row.ms for row in rows if row.op in CONVERTING) / total
