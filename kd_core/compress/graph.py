"""Changes of the graph that leave the function alone: fewer nodes, fewer bytes, equal outputs."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import onnxslim
from onnx import ModelProto

from kd_core.compress.graph_fold import fold_batch_norms
from kd_core.compress.quantise_graph import keep, own_file
from kd_core.compress.quantise_timing import medians_ms
from kd_core.compress.spec import COMPRESSORS, CompressorSpec, Made, Subject, Workshop
from kd_core.errors import ExportError
from kd_core.export.onnx_file import precision_of
from kd_core.export.onnx_model import OnnxModel, open_session
from kd_core.registry import Param
from kd_core.text import Msg

TOLERANCE = 1e-3
"""Largest difference of an output, relative to the largest: other orders of the same sums differ by
about 1e-6 in float32. Fewer bits differ by more."""

COARSE = {"fp16": 0.03, "int8": 0.05, "int4": 0.05}
"""The same for files with fewer bits, where one sum more or less decides a rounding."""

IMAGES = 16  # training images that the files are compared on

LEVELS = {
    "basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
}
"""Levels whose result runs anywhere; the highest one rearranges memory for this processor only."""

Change = Callable[[Path, Mapping[str, Any]], ModelProto]


def _changed(subject: Subject, shop: Workshop, params: Mapping[str, Any], change: Change) -> Made:
    """Apply a change, compare the answers, and count what it brought.

    Raises:
        ExportError: ``graph_changed_answers``.
    """
    shop.tick("compress", 0, 2)
    before = own_file(subject.file)
    file = keep(change(subject.file, params), subject.file, shop.folder / "graph.onnx")
    after = own_file(file)
    shop.tick("compress", 1, 2)
    difference = _compare(subject.file, file, shop, precision_of(before))
    times = medians_ms([subject.file, file], shop.images("train", 1), shop.threads, tick=shop.tick)
    ops = {"before": _ops(before), "after": _ops(after)}
    facts = {
        "nodes": {"before": len(before.graph.node), "after": len(after.graph.node)},
        "ops": ops,
        "bytes": {"before": subject.file.stat().st_size, "after": file.stat().st_size},
        "time": {"before_ms": times[0], "after_ms": times[1], "threads": shop.threads},
        "largest_difference": difference,
    }
    notes = (Msg("graph.note.unchanged"),) if ops["before"] == ops["after"] else ()
    return Made(file=file, facts=facts, notes=notes)


def _ops(model: ModelProto) -> dict[str, int]:
    return dict(sorted(Counter(node.op_type for node in model.graph.node).items()))


def _compare(before: Path, after: Path, shop: Workshop, precision: str) -> float:
    """Largest difference of any output, relative to the largest output."""
    images = shop.images("train", IMAGES)
    wanted, given = OnnxModel(before).predict(images), OnnxModel(after).predict(images)
    largest = max(float(np.abs(value).max()) for value in wanted.values()) or 1.0
    gap = max(float(np.abs(wanted[name] - given[name]).max()) for name in wanted) / largest
    allowed = COARSE.get(precision, TOLERANCE)
    if not gap <= allowed:  # NaN too
        raise ExportError("graph_changed_answers", difference=gap, tolerance=allowed)
    return gap


# --- the changes --------------------------------------------------------------------------------


def fold(file: Path, params: Mapping[str, Any]) -> ModelProto:
    """Batch norms folded into the convolutions before them."""
    model = own_file(file)
    fold_batch_norms(model)
    return model


def optimise(file: Path, params: Mapping[str, Any]) -> ModelProto:
    """The graph that onnxruntime makes of the file when it is opened, saved for good."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = LEVELS[params["level"]]
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "optimised.onnx"
        options.optimized_model_filepath = str(target)
        open_session(file, 1, options)
        return onnx.load_model(target)


def slim(file: Path, params: Mapping[str, Any]) -> ModelProto:
    """Simplified by onnxslim: constants computed, dead and doubled nodes removed, shapes known."""
    model: ModelProto = onnxslim.slim(own_file(file))
    return model


def _entry(change: Change) -> Callable[[Subject, Workshop, Mapping[str, Any]], Made]:
    def apply(subject: Subject, shop: Workshop, params: Mapping[str, Any]) -> Made:
        return _changed(subject, shop, params, change)

    return apply


COMPRESSORS.add(
    "fold_batch_norm",
    CompressorSpec(apply=_entry(fold), family="graph", works_on="file", source="Jacob et al. 2018"),
)
COMPRESSORS.add(
    "ort_optimise",
    CompressorSpec(
        apply=_entry(optimise),
        family="graph",
        works_on="file",
        params=(Param("level", "choice", "extended", choices=tuple(LEVELS)),),
    ),
)
COMPRESSORS.add("onnxslim", CompressorSpec(apply=_entry(slim), family="graph", works_on="file"))
