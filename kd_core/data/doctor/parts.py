"""How a data set is divided: patients, classes in each part, size of the test part, lost files."""

from __future__ import annotations

import math

import numpy as np

from kd_core.data.doctor.exam import CHECKS, CheckSpec, Exam
from kd_core.data.doctor.finding import Finding

_FEW = 10
_WIDE, _WIDER = 0.03, 0.05  # half of the 95 % interval
_ACCURACY = 0.9
_Z = 1.959964  # 97.5 % point of the normal distribution
_UNREADABLE_ALARM = 0.05
_SHOWN = 8
_FEW_NAMES = 2


def check_patients(exam: Exam) -> list[Finding]:
    """People with images in two parts, whom training has seen; and images without a patient."""
    return [*_shared(exam), *_partly(exam)]


def _shared(exam: Exam) -> list[Finding]:
    if len(exam.parts) < 2:
        return []
    of_part = {name: part.patients for name, part in exam.parts.items()}
    people = {
        name: {str(p) for p in column if str(p)}
        for name, column in of_part.items()
        if column is not None
    }
    if len(people) < len(of_part) or not any(people.values()):
        return [Finding("patients_unknown", "note")]
    names = list(people)
    shared = {
        person
        for number, later in enumerate(names)
        for earlier in names[:number]
        for person in people[earlier] & people[later]
    }
    if not shared:
        counts = {name: len(group) for name, group in people.items()}
        return [Finding("patients_ok", "ok", {"n": sum(counts.values()), "parts": counts})]
    images = sum(
        int(np.isin(column, sorted(shared)).sum())
        for name, column in of_part.items()
        if name != "train" and column is not None
    )
    evidence = {"n": len(shared), "images": images, "patients": sorted(shared)[:_SHOWN]}
    return [Finding("patients_shared", "alarm", evidence)]


def _partly(exam: Exam) -> list[Finding]:
    """Images without a patient where others have one: each counts as a patient of its own."""
    lost: list[str] = []
    images = 0
    for part in exam.parts.values():
        if part.patients is None:
            return []
        images += len(part)
        # An unknown patient is called as the image is.
        lost += [i for i, p in zip(part.ids, part.patients.tolist(), strict=True) if p in ("", i)]
    if not lost or len(lost) == images:
        return []
    evidence = {"n": len(lost), "images": images, "names": lost[:_FEW_NAMES]}
    return [Finding("patients_partly", "warning", evidence)]


def check_classes(exam: Exam) -> list[Finding]:
    """A class (or label) that a part does not have, or hardly."""
    missing: list[dict[str, str]] = []
    few: list[dict[str, str]] = []
    for name in exam.parts:
        counts = np.nansum(exam.labels(name), axis=0)  # (K,)
        for class_name, count in zip(exam.data.classes, counts, strict=True):
            place = {"class": class_name, "part": name}
            if count == 0:
                missing.append(place)
            elif count < _FEW and name != "train":
                few.append(place)
    findings = []
    if missing:
        in_train = any(place["part"] == "train" for place in missing)
        evidence = _places(missing)
        findings.append(Finding("class_missing", "alarm" if in_train else "warning", evidence))
    if few:
        findings.append(Finding("class_few", "note", {**_places(few), "limit": _FEW}))
    return findings or [Finding("classes_ok", "ok", {"n": len(exam.data.classes)})]


def _places(places: list[dict[str, str]]) -> dict[str, object]:
    names = [f"{place['class']} ({place['part']})" for place in places]
    return {"n": len(places), "places": places, "names": names[:_SHOWN]}


def check_test_size(exam: Exam) -> list[Finding]:
    """The interval that the size of the test part alone implies."""
    test = exam.part("test")
    if test is None:
        return [Finding("test_missing", "alarm")]
    low, high = wilson(_ACCURACY, len(test))
    evidence = {
        "n": len(test),
        "patients": None if test.patients is None else len(set(test.patients.tolist())),
        "accuracy": _ACCURACY,
        "low": low,
        "high": high,
        "width": high - low,
    }
    half = (high - low) / 2
    if half > _WIDER:
        return [Finding("test_small", "warning", evidence)]
    if half > _WIDE:
        return [Finding("test_limited", "note", evidence)]
    return [Finding("test_size_ok", "ok", evidence)]


def wilson(share: float, n: int) -> tuple[float, float]:
    """95 % interval of a share of ``n`` independent images (Wilson 1927).

    ``(p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n)``

    >>> [round(bound, 3) for bound in wilson(0.9, 100)]
    [0.826, 0.945]
    """
    centre = share + _Z**2 / (2 * n)
    spread = _Z * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return (centre - spread) / (1 + _Z**2 / n), (centre + spread) / (1 + _Z**2 / n)


def check_unreadable(exam: Exam) -> list[Finding]:
    """Files that had to be left out."""
    lost = exam.facts.unreadable
    read = sum(len(part) for part in exam.parts.values())
    total = max(exam.facts.images, read + len(lost))
    if not lost:
        return [Finding("unreadable_ok", "ok", {"n": total})]
    share = len(lost) / total
    files = [{"name": name, "error": code} for name, code in list(lost.items())[:_SHOWN]]
    evidence = {
        "n": len(lost),
        "share": share,
        "names": [file["name"] for file in files],
        "files": files,
    }
    return [Finding("unreadable", "alarm" if share >= _UNREADABLE_ALARM else "warning", evidence)]


CHECKS.add("patients", CheckSpec(fn=check_patients))
CHECKS.add("classes", CheckSpec(fn=check_classes))
CHECKS.add("test_size", CheckSpec(fn=check_test_size, source="Wilson 1927"))
CHECKS.add("unreadable", CheckSpec(fn=check_unreadable))
