"""Quantisation-aware training: the network is tuned while it feels INT8, then written as INT8.

file ─► prepared graph + ranges ─► fake-quantised network ─► tuned (labels, teacher)
     ─► trained weights and ranges ─► the same writer as static INT8
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from onnx import ModelProto, numpy_helper

from kd_core.compress.qat_graph import KIND, GraphNet, unknown_operators
from kd_core.compress.quantise import (
    CALIBRATION_PARAMS,
    SCHEME_PARAMS,
    refuses_static,
    scheme_of,
    watched,
    written,
)
from kd_core.compress.quantise_graph import prepare
from kd_core.compress.spec import COMPRESSORS, CompressorSpec, Made, Subject, Workshop
from kd_core.export.onnx_model import OnnxModel
from kd_core.models import TaskModel
from kd_core.models.checkpoint import SHAPE_STEPS
from kd_core.registry import Param
from kd_core.text import Msg

COMPARED = 64
"""Training images on which the simulation and the written file are compared."""


def train_aware(subject: Subject, shop: Workshop, params: Mapping[str, Any]) -> Made:
    """Tune the float model with fake quantisation, and write what came of it as INT8."""
    from kd_core.compress.qat_fake import FakeQuantNet, fake_quantised  # slow to import

    assert subject.network is not None  # refused before
    assert shop.tune is not None  # checked before
    model, ranges, seen = watched(subject.file, shop, params)
    scheme = scheme_of(params)
    learned = params["ranges"] == "learned"
    network = fake_quantised(subject.network.spec, model, ranges, scheme, learned)
    tuned = shop.tune(network, 1.0).eval()
    inner = tuned.network
    assert isinstance(inner, FakeQuantNet)  # tuning changes numbers, not the network
    found = {**ranges, **inner.ranges()}
    made = written(subject.file, shop, _with_weights(model, inner), found, scheme)
    assert made.file is not None
    facts = {
        **made.facts,
        "calibration": seen,
        "ranges": {"kind": params["ranges"], "changed": _moved(ranges, inner.ranges())},
        "simulation": _agreement(tuned, OnnxModel(made.file, shop.threads), shop),
    }
    return Made(file=made.file, facts=facts, notes=made.notes)


def _with_weights(model: ModelProto, network: GraphNet) -> ModelProto:
    """The float model with the trained weights, before any rounding."""
    copy = ModelProto()
    copy.CopyFrom(model)
    held = {item.name: item for item in copy.graph.initializer}
    for name, value in network.trained().items():
        array = np.ascontiguousarray(value.cpu().numpy())
        held[name].CopyFrom(numpy_helper.from_array(array, name))
    return copy


def _moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> float:
    """Median relative change of a range's width, over all tensors."""
    widths = [
        abs((after[name][1] - after[name][0]) / (before[name][1] - before[name][0]) - 1)
        for name in after
        if before[name][1] > before[name][0]
    ]
    return float(np.median(widths)) if widths else 0.0


@torch.no_grad()
def _agreement(network: TaskModel, file: OnnxModel, shop: Workshop) -> dict[str, float]:
    """How far the network that felt INT8 and the file that is INT8 agree."""
    images = shop.images("train", COMPARED)
    wanted = next(iter(network(torch.from_numpy(images)).values())).numpy()  # (n, K)
    given = next(iter(file.predict(images).values()))
    changed = int((wanted.argmax(1) != given.argmax(1)).sum())
    largest = float(np.abs(wanted).max()) or 1.0
    gap = float(np.abs(wanted - given).max()) / largest
    return {"images": len(images), "changed": changed, "largest_difference": gap}


def _refuses(subject: Subject, params: Mapping[str, Any]) -> Msg | None:
    if subject.network is None:
        return Msg("refuses.no_network_to_train")
    refused = refuses_static(subject, params)
    if refused:
        return refused
    unknown = unknown_operators(prepare(subject.file))
    return Msg("refuses.qat_operators", {"ops": list(unknown)}) if unknown else None


def _replay(model: TaskModel, step: Mapping[str, Any]) -> None:
    from kd_core.compress.qat_fake import replay  # slow to import

    replay(model, step)


SHAPE_STEPS[KIND] = _replay
COMPRESSORS.add(
    "qat",
    CompressorSpec(
        apply=train_aware,
        family="quantise",
        works_on="file",
        refuses=_refuses,
        calibrates=True,
        tunes="must",
        source="Jacob et al. 2018; Esser et al. 2020 for learned ranges",
        params=(
            Param("ranges", "choice", "moving", choices=("moving", "learned")),
            *CALIBRATION_PARAMS,
            *SCHEME_PARAMS,
        ),
    ),
)
