"""Predictions in, numbers with intervals out; the verdict on two models."""

from kd_core.evaluate.agreement import Agreement, agreement
from kd_core.evaluate.calibration import Reliability, reliability
from kd_core.evaluate.kernels import confusion
from kd_core.evaluate.metrics import METRICS, MetricSpec
from kd_core.evaluate.pareto import Spread, over_seeds, pareto
from kd_core.evaluate.predictions import Predictions, read_predictions, write_predictions
from kd_core.evaluate.ranking import roc_curve
from kd_core.evaluate.scores import Score, score
from kd_core.evaluate.verdict import Verdict, compare

__all__ = [
    "METRICS",
    "Agreement",
    "MetricSpec",
    "Predictions",
    "Reliability",
    "Score",
    "Spread",
    "Verdict",
    "agreement",
    "compare",
    "confusion",
    "over_seeds",
    "pareto",
    "read_predictions",
    "reliability",
    "roc_curve",
    "score",
    "write_predictions",
]
