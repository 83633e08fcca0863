"""The data doctor: what is wrong with a data set, found before anybody trains on it."""

from kd_core.data.doctor import duplicates, grey, labels, parts, shortcut
from kd_core.data.doctor.exam import CHECKS, CheckSpec, Exam, examine
from kd_core.data.doctor.finding import SEVERITIES, Finding, Severity, SourceFacts

__all__ = [
    "CHECKS",
    "SEVERITIES",
    "CheckSpec",
    "Exam",
    "Finding",
    "Severity",
    "SourceFacts",
    "duplicates",
    "examine",
    "grey",
    "labels",
    "parts",
    "shortcut",
]
