"""A finished model's operating point: calibration and threshold, fitted on validation data only.

They go into the file's contract, beside its predictions and into its record, so that every later
page, pack and command reads the same answer. A file that came with its own keeps it unless the
study has a rule.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx

from kd_core.config import OperatingSettings
from kd_core.evaluate.calibrators import fit_calibration
from kd_core.evaluate.operating import OperatingPoint, Rule, contract_threshold, fit_threshold
from kd_core.evaluate.predictions import Predictions
from kd_core.export import FileContract
from kd_core.export.onnx_file import write_metadata, write_model
from kd_core.study.records import OperatingRecord, PointRecord
from kd_core.text import Msg

HEALTHY = ("healthy", "normal", "negative", "uninfected", "no finding", "benign")
"""Names of classes that are taken for negative until somebody says otherwise."""


def positive_of(classes: Sequence[str], wanted: str = "") -> str:
    """Of two classes the one to be found.

    >>> positive_of(("Parasitized", "Uninfected")), positive_of(("a", "b"))
    ('Parasitized', 'b')
    """
    if wanted in classes:
        return wanted
    healthy = [name.lower() in HEALTHY for name in classes]
    return classes[0] if healthy == [False, True] else classes[-1]


def fit_operating(validation: Predictions, rule: OperatingSettings) -> OperatingRecord | None:
    """Fit what a study asks for; ``None`` where it asks for nothing.

    The threshold lies on the calibrated probabilities. Platt scaling of more than two classes and a
    threshold for them do not exist; the record says so.

    Args:
        validation: Raw predictions of the validation part.
        rule: The study's.
    """
    if (rule.calibration, rule.rule) == ("none", "none"):
        return None
    left_out: list[Msg] = []
    calibration = _calibration(validation, rule, left_out)
    known = dataclasses.replace(validation, calibration=calibration, threshold=None)
    points = _points(known, rule, left_out)
    return OperatingRecord(
        rule=rule,
        images=len(validation),
        calibration=calibration,
        threshold=contract_threshold(points, validation.classes, validation.task),
        points=tuple(
            PointRecord(
                **{name: value for name, value in point.to_json().items() if name != "rule"}
            )
            for point in points
        ),
        left_out=tuple(msg.to_json() for msg in left_out),
    )


def _calibration(
    validation: Predictions, rule: OperatingSettings, left_out: list[Msg]
) -> dict[str, Any] | None:
    several = validation.task != "multilabel" and len(validation.classes) > 2
    if rule.calibration == "platt" and several:
        left_out.append(Msg("operating.no_platt", {"n": len(validation.classes)}))
        return fit_calibration(validation, "temperature")
    found = fit_calibration(validation, rule.calibration)
    if found is None and rule.calibration != "none":
        left_out.append(Msg("operating.no_calibration", {"n": len(validation)}))
    return found


def _points(
    validation: Predictions, rule: OperatingSettings, left_out: list[Msg]
) -> tuple[OperatingPoint, ...]:
    if rule.rule == "none":
        return ()
    if validation.task != "multilabel" and len(validation.classes) > 2:
        left_out.append(Msg("operating.no_threshold", {"n": len(validation.classes)}))
        return ()
    wanted = Rule(rule.rule, None if rule.rule == "youden" else rule.value)
    two = validation.task != "multilabel"
    positive = positive_of(validation.classes, rule.positive) if two else None
    points = fit_threshold(validation, wanted, positive)
    left_out += [point.undefined for point in points if point.undefined is not None]
    return points


def write_operating(file: Path, found: OperatingRecord) -> FileContract:
    """Put the operating point into a file's contract; the contract then."""
    model = onnx.load_model(file)
    contract = FileContract.from_metadata({p.key: p.value for p in model.metadata_props})
    assert contract is not None  # every file of a run has one
    changed = contract.change(calibration=found.calibration, threshold=found.threshold)
    write_metadata(model, changed)
    write_model(model, file)
    return changed
