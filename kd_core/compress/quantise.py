"""Static INT8: ranges from training images, one file form, and layers that may stay in float."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from onnx import ModelProto

from kd_core import hardware
from kd_core.compress.quantise_calibrate import Ranges, calibrate
from kd_core.compress.quantise_graph import batch_of, keep, layers, own_file, pieces, prepare
from kd_core.compress.quantise_layers import counts, layer_errors, layer_table
from kd_core.compress.quantise_qdq import Scheme, bits_for_this_cpu, has_vnni, write_qdq
from kd_core.compress.quantise_timing import converting_share, medians_ms, node_times, time_by_op
from kd_core.compress.spec import COMPRESSORS, CompressorSpec, Made, Subject, Workshop
from kd_core.export.contract import INPUT
from kd_core.export.onnx_file import precision_of
from kd_core.export.onnx_model import open_session
from kd_core.registry import Param
from kd_core.text import Msg

ERROR_IMAGES = 32
"""Images on which each layer's own error is measured; ranks are stable from about there."""

MUCH_CONVERTING = 0.1  # share of the time from which it is worth a note

SCHEME_PARAMS = (
    Param("per_channel", "bool", True),
    Param("symmetric", "bool", False, advanced=True),
    Param("weight_bits", "choice", "auto", choices=("auto", "8", "7"), advanced=True),
)
CALIBRATION_PARAMS = (
    Param("calibration", "choice", "minmax", choices=("minmax", "entropy", "percentile")),
    Param("images", "int", 256, low=8, high=4096),
)


def scheme_of(params: Mapping[str, Any]) -> Scheme:
    """The scheme that parameters ask for; ``auto`` bits are what this processor is exact with."""
    bits = params.get("weight_bits", "auto")
    return Scheme(
        per_channel=bool(params.get("per_channel", True)),
        symmetric=bool(params.get("symmetric", False)),
        weight_bits=bits_for_this_cpu() if bits == "auto" else int(bits),
    )


def static(subject: Subject, shop: Workshop, params: Mapping[str, Any]) -> Made:
    """All layers in INT8 that the runtime has INT8 for."""
    model, ranges, seen = watched(subject.file, shop, params)
    made = written(subject.file, shop, model, ranges, scheme_of(params))
    return Made(file=made.file, facts={**made.facts, "calibration": seen}, notes=made.notes)


def mixed(subject: Subject, shop: Workshop, params: Mapping[str, Any]) -> Made:
    """INT8, with the layers of largest error left in float."""
    model, ranges, seen = watched(subject.file, shop, params)
    scheme = scheme_of(params)
    errors = layer_errors(model, ranges, scheme, shop.images("train", ERROR_IMAGES), shop.tick)
    worst = sorted(errors, key=lambda node: -errors[node])[: params["layers"]]
    made = written(subject.file, shop, model, ranges, scheme, worst, errors)
    return Made(file=made.file, facts={**made.facts, "calibration": seen}, notes=made.notes)


def watched(
    file: Path, shop: Workshop, params: Mapping[str, Any]
) -> tuple[ModelProto, Ranges, dict[str, Any]]:
    """The prepared float model, the ranges of its tensors on training images, and how they came."""
    model = prepare(file)
    images = shop.images("train", params["images"], shop.seed)
    method = params["calibration"]
    ranges = calibrate(model, images, method, bool(params.get("symmetric", False)), shop.tick)
    return model, ranges, {"part": "train", "images": len(images), "method": method}


def written(
    origin: Path,
    shop: Workshop,
    model: ModelProto,
    ranges: Ranges,
    scheme: Scheme,
    floats: Collection[str] = (),
    errors: Mapping[str, float] | None = None,
) -> Made:
    """The INT8 file with everything that is to be told about it."""
    file = keep(write_qdq(model, ranges, scheme, floats), origin, shop.folder / "int8.onnx")
    table = layer_table(model, file, floats, errors)
    facts, notes = about(origin, file, shop)
    if scheme.weight_bits == 8 and has_vnni() is False:
        facts["saturation"] = saturation(file, shop)
        notes = (Msg("quantise.note.may_saturate", facts["saturation"]), *notes)
    facts |= {
        "layers": table,
        "counts": counts(table),
        "scheme": vars(scheme) | {"activations": "int8" if scheme.symmetric else "uint8"},
    }
    return Made(file=file, facts=facts, notes=(*_remarks(table, scheme, floats), *notes))


def about(origin: Path, file: Path, shop: Workshop) -> tuple[dict[str, Any], tuple[Msg, ...]]:
    """Time of the file before and after on this machine, and where it goes."""
    image = shop.images("train", 1)
    before, after = medians_ms([origin, file], image, shop.threads, tick=shop.tick)
    nodes = node_times(file, image, shop.threads)
    converting = converting_share(nodes)
    cpu = hardware.cpu()
    facts = {
        "time": {"before_ms": before, "after_ms": after, "threads": shop.threads},
        "time_by_op": time_by_op(nodes),
        "converting": converting,
        "cpu": {"model": cpu["model"], "features": cpu["features"], "vnni": has_vnni()},
    }
    if converting < MUCH_CONVERTING:
        return facts, ()
    return facts, (Msg("quantise.note.converting", {"share": converting}),)


def saturation(file: Path, shop: Workshop) -> dict[str, int]:
    """How often this processor's quick sums, which can overflow, change an answer.

    The answers that count (:class:`~kd_core.export.OnnxModel`) are always computed without.
    """
    images = shop.images("train", ERROR_IMAGES)
    size = batch_of(own_file(file)) or 1
    quick = open_session(file, shop.threads, onnxruntime.SessionOptions())
    exact = open_session(file, shop.threads)
    one, two = (
        np.concatenate([session.run(None, {INPUT: piece})[0] for piece in pieces(images, size)])
        for session in (quick, exact)
    )
    return {"n": int((one.argmax(1) != two.argmax(1)).sum()), "images": len(one)}


def _remarks(
    table: list[dict[str, Any]], scheme: Scheme, floats: Collection[str]
) -> tuple[Msg, ...]:
    notes = []
    if scheme.weight_bits == 7:
        notes.append(Msg("quantise.note.seven_bits"))
    lost = [row for row in table if row["state"] == "float"]
    chosen = [row["name"] for row in lost if row["why"] and row["why"]["id"].endswith("chosen")]
    if chosen:
        notes.append(Msg("quantise.note.chosen", {"n": len(chosen), "names": chosen[:8]}))
    others = sorted({row["op"] for row in lost if row["name"] not in chosen})
    if others:
        count = len(lost) - len(chosen)
        notes.append(Msg("quantise.note.float_layers", {"n": count, "ops": others}))
    return tuple(notes)


def refuses_not_float(subject: Subject, params: Mapping[str, Any]) -> Msg | None:
    """Only float weights can be quantised."""
    precision = precision_of(own_file(subject.file))
    return None if precision == "fp32" else Msg("refuses.not_float", {"precision": precision})


def refuses_static(subject: Subject, params: Mapping[str, Any]) -> Msg | None:
    """Needs float weights, and layers that multiply by them."""
    refused = refuses_not_float(subject, params)
    if refused:
        return refused
    if not any(layer.weight for layer in layers(own_file(subject.file))):
        return Msg("refuses.no_weights")
    return None


COMPRESSORS.add(
    "int8",
    CompressorSpec(
        apply=static,
        family="quantise",
        works_on="file",
        refuses=refuses_static,
        calibrates=True,
        source="Jacob et al. 2018",
        params=(*CALIBRATION_PARAMS, *SCHEME_PARAMS),
    ),
)
COMPRESSORS.add(
    "int8_mixed",
    CompressorSpec(
        apply=mixed,
        family="quantise",
        works_on="file",
        refuses=refuses_static,
        calibrates=True,
        source="Wu et al. 2020",
        params=(
            Param("layers", "int", 3, low=1, high=100),
            *CALIBRATION_PARAMS,
            *SCHEME_PARAMS,
        ),
    ),
)
