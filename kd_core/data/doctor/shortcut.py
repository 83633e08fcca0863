"""Data that are too easy: by a shortcut in the outer frame, or for everybody."""

from __future__ import annotations

import numpy as np

from kd_core.data.doctor.exam import CHECKS, CheckSpec, Exam
from kd_core.data.doctor.finding import Finding
from kd_core.data.doctor.probe import MIN_CASES, frame_width

ALARM, NOTE = 0.90, 0.75
CEILING = 0.99


def check_shortcut(exam: Exam) -> list[Finding]:
    """Can a class be told from the rest by the outer frame alone?

    The frame of a medical image rarely shows the disease. What tells the classes apart there is
    the way in which the images were made or collected (Zech et al. 2018, DeGrave et al. 2021).
    """
    if not exam.can_probe:
        return []
    frame = exam.frame.auc
    if np.isnan(frame).all():
        return [Finding("shortcut_unmeasured", "note", {"cases": MIN_CASES})]
    worst = int(np.nanargmax(frame))
    auc = float(frame[worst])
    evidence = {
        "auc": auc,
        "whole_auc": float(exam.whole.auc[worst]),
        "class_name": exam.data.classes[worst],
        "width_px": frame_width(exam.data.size),
        "size_px": exam.data.size,
        "images": exam.frame.images,
        "aucs": {
            name: float(value)
            for name, value in zip(exam.data.classes, frame, strict=True)
            if not np.isnan(value)
        },
    }
    if auc >= ALARM:
        return [Finding("shortcut", "alarm", evidence)]
    if auc >= NOTE:
        return [Finding("shortcut_possible", "note", evidence)]
    return [Finding("shortcut_ok", "ok", evidence)]


def check_ceiling(exam: Exam) -> list[Finding]:
    """Do simple models reach a metric's ceiling, so that no study can show a gain?"""
    if not exam.can_probe:
        return []
    whole = exam.whole
    aucs = [np.nanmean(a) for a in (whole.auc, whole.linear_auc) if not np.isnan(a).all()]
    accuracies = [a for a in (whole.accuracy, whole.linear_accuracy) if not np.isnan(a)]
    if not aucs:
        return [Finding("ceiling_unmeasured", "note", {"cases": MIN_CASES})]
    evidence = {
        "auc": float(max(aucs)),
        "accuracy": float(max(accuracies)) if accuracies else None,
        "images": whole.images,
    }
    if accuracies and max(accuracies) >= CEILING:
        return [Finding("ceiling_accuracy", "warning", evidence)]
    if max(aucs) >= CEILING:
        return [Finding("ceiling_auc", "warning", evidence)]
    return [Finding("ceiling_ok", "ok", evidence)]


CHECKS.add("shortcut", CheckSpec(fn=check_shortcut, source="Zech et al. 2018; DeGrave et al. 2021"))
CHECKS.add("ceiling", CheckSpec(fn=check_ceiling))
