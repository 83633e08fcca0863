"""Labels that teach nothing, and classes of very different size."""

from __future__ import annotations

import numpy as np

from kd_core.data.doctor.exam import CHECKS, CheckSpec, Exam
from kd_core.data.doctor.finding import Finding, Severity

_STRONG, _MODERATE = 10.0, 3.0  # images of the largest class for each of the smallest
_LIKE_IDS = 3.0  # training images a class; below, the labels look like names of images


def check_labels(exam: Exam) -> list[Finding]:
    """Labels of the training part that are constant, equal to each other, or mere names."""
    if "train" not in exam.parts:
        return []
    labels = exam.labels("train")  # (N, K)
    found = _exclusive(exam, labels) if exam.exclusive else _multilabel(exam, labels)
    return found or [Finding("labels_ok", "ok", {"n": len(exam.data.classes)})]


def _exclusive(exam: Exam, labels: np.ndarray) -> list[Finding]:
    counts = labels.sum(0)
    if (counts > 0).sum() < 2:
        names = [exam.data.classes[int(counts.argmax())]]
        return [Finding("labels_constant", "alarm", {"n": 1, "names": names})]
    per_class = len(labels) / len(counts)
    if per_class < _LIKE_IDS:
        evidence = {"n": len(counts), "images": len(labels)}
        return [Finding("labels_like_ids", "alarm", evidence)]
    return []


def _multilabel(exam: Exam, labels: np.ndarray) -> list[Finding]:
    names = exam.data.classes
    columns = labels.T
    varies = [len(set(column[~np.isnan(column)].tolist())) > 1 for column in columns]
    constant = [name for name, ok in zip(names, varies, strict=True) if not ok]
    twins = [
        f"{names[i]} = {names[j]}"
        for j in range(len(names))
        for i in range(j)
        if varies[i] and varies[j] and np.array_equal(columns[i], columns[j], equal_nan=True)
    ]
    found = []
    if constant:
        severity: Severity = "alarm" if len(constant) == len(names) else "warning"
        evidence = {"n": len(constant), "names": constant}
        found.append(Finding("labels_constant", severity, evidence))
    if twins:
        found.append(Finding("labels_same", "warning", {"n": len(twins), "names": twins}))
    return found


def check_imbalance(exam: Exam) -> list[Finding]:
    """How many images the largest class has for each image of the smallest."""
    if "train" not in exam.parts:
        return []
    labels = exam.labels("train")
    present = np.nansum(labels, axis=0)
    known = (~np.isnan(labels)).sum(0)
    if exam.exclusive:
        large, small = int(present.argmax()), int(np.where(present > 0, present, np.inf).argmin())
        ratio = present[large] / max(present[small], 1)
        largest, majority = exam.data.classes[large], present[large] / len(labels)
    else:  # for each label, "has it" against "has it not"
        rare = np.minimum(present, known - present)
        ratios = np.where(rare > 0, (known - rare) / np.maximum(rare, 1), 0)
        small = int(ratios.argmax())
        ratio, largest = ratios[small], exam.data.classes[small]
        majority = (known[small] - rare[small]) / max(known[small], 1)
    evidence = {
        "smallest": exam.data.classes[small],
        "largest": largest,
        "ratio": round(float(ratio), 1),
        "majority": float(majority),
    }
    if ratio < _MODERATE:
        return [Finding("imbalance_ok", "ok", evidence)]
    severity: Severity = "warning" if ratio >= _STRONG else "note"
    if exam.exclusive:
        return [Finding("imbalance", severity, evidence)]
    return [Finding("imbalance_label", severity, evidence)]


CHECKS.add("labels", CheckSpec(fn=check_labels))
CHECKS.add("imbalance", CheckSpec(fn=check_imbalance))
