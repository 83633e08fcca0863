"""Predictions in, numbers with intervals out; the verdict on two models."""

from kd_core.evaluate.agreement import Agreement, agreement
from kd_core.evaluate.calibration import Reliability, reliability
from kd_core.evaluate.calibrators import (
    CalibrationEffect,
    apply_calibration,
    calibration_effect,
    fit_calibration,
)
from kd_core.evaluate.correction import Compared, compare_all, holm
from kd_core.evaluate.curves import PrecisionRecall, RocCurve, precision_recall_of, roc_of
from kd_core.evaluate.decision_curve import DecisionCurve, decision_curve
from kd_core.evaluate.delong import delong
from kd_core.evaluate.flips import Flip, Harm, flips
from kd_core.evaluate.harm import HarmRow, harm_table
from kd_core.evaluate.kernels import confusion
from kd_core.evaluate.metrics import METRICS, MetricSpec
from kd_core.evaluate.operating import OperatingPoint, Rule, contract_threshold, fit_threshold
from kd_core.evaluate.operating_scores import at_threshold, sensitivity_at, specificity_at
from kd_core.evaluate.paired import PairedTest, independent, mcnemar, sign_flip
from kd_core.evaluate.pareto import Spread, over_seeds, pareto, sd_interval
from kd_core.evaluate.patients import by_patient
from kd_core.evaluate.predictions import Predictions, read_predictions, write_predictions
from kd_core.evaluate.ranking import roc_curve
from kd_core.evaluate.scores import Score, score
from kd_core.evaluate.verdict import Verdict, compare

__all__ = [
    "METRICS",
    "Agreement",
    "CalibrationEffect",
    "Compared",
    "DecisionCurve",
    "Flip",
    "Harm",
    "HarmRow",
    "MetricSpec",
    "OperatingPoint",
    "PairedTest",
    "PrecisionRecall",
    "Predictions",
    "Reliability",
    "RocCurve",
    "Rule",
    "Score",
    "Spread",
    "Verdict",
    "agreement",
    "apply_calibration",
    "at_threshold",
    "by_patient",
    "calibration_effect",
    "compare",
    "compare_all",
    "confusion",
    "contract_threshold",
    "decision_curve",
    "delong",
    "fit_calibration",
    "fit_threshold",
    "flips",
    "harm_table",
    "holm",
    "independent",
    "mcnemar",
    "over_seeds",
    "pareto",
    "precision_recall_of",
    "read_predictions",
    "reliability",
    "roc_curve",
    "roc_of",
    "score",
    "sd_interval",
    "sensitivity_at",
    "sign_flip",
    "specificity_at",
    "write_predictions",
]
