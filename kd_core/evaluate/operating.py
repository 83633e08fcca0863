"""Operating points: at which probability a label is said, and what that costs and finds.

A threshold is chosen on validation predictions by a rule and then kept. It lies on the model's
calibrated probabilities; a label is said from its threshold on (``p ≥ t``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from kd_core.errors import ConfigError
from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.ranking import roc_curve
from kd_core.text import Msg

Kind = Literal["youden", "sensitivity", "specificity", "fixed"]
Array = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Rule:
    """How a threshold is chosen.

    Attributes:
        kind: ``youden``: largest sensitivity + specificity (Youden 1950); ``sensitivity``: the
            highest threshold that finds at least ``value``; ``specificity``: the lowest threshold
            that leaves at least ``value`` of the others alone; ``fixed``: ``value`` itself.
        value: In [0, 1]; ``None`` for ``youden``.

    Raises:
        ConfigError: ``rule_kind``, ``rule_value``.
    """

    kind: Kind = "youden"
    value: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ConfigError("rule_kind", name=str(self.kind), known=list(get_args(Kind)))
        if self.kind == "youden":
            if self.value is not None:
                raise ConfigError("rule_value", kind=self.kind, got=str(self.value))
        elif self.value is None or not 0 <= self.value <= 1:
            raise ConfigError("rule_value", kind=self.kind, got=str(self.value))

    def to_json(self) -> dict[str, Any]:
        """Plain values; :meth:`from_json` reads them."""
        return {"kind": self.kind, "value": self.value}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Rule:
        """The rule that :meth:`to_json` wrote."""
        return cls(data["kind"], data.get("value"))

    @property
    def msg(self) -> Msg:
        """The rule in words."""
        return Msg(f"rule.{self.kind}", {"value": self.value})


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold, and what it does on the images that it was chosen on.

    Attributes:
        label: Class or label that is said from the threshold on.
        rule: How it was chosen.
        threshold: On the calibrated probability; NaN where undefined.
        sensitivity: On the images that it was chosen on.
        specificity: On the same.
        n_positive: Images with the label.
        n_negative: Known images without.
        undefined: Why there is none.
    """

    label: str
    rule: Rule
    threshold: float
    sensitivity: float
    specificity: float
    n_positive: int
    n_negative: int
    undefined: Msg | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values; NaN becomes ``None``."""
        numbers = ("threshold", "sensitivity", "specificity")
        return {
            "label": self.label,
            "rule": self.rule.to_json(),
            **{n: None if math.isnan(getattr(self, n)) else getattr(self, n) for n in numbers},
            "n_positive": self.n_positive,
            "n_negative": self.n_negative,
        }


@dataclass(frozen=True)
class Side:
    """One label against the rest, on the images that know it.

    Attributes:
        label: Its name.
        column: Its place among the classes.
        rows: Images that know it, (N,).
        scores: Calibrated probabilities, (n,).
        positive: Whether each of them has it, (n,).
    """

    label: str
    column: int
    rows: Bools
    scores: Array
    positive: Bools


def sides(predictions: Predictions, positive: str | None = None) -> tuple[Side, ...]:
    """The labels that a threshold can be set for.

    Args:
        predictions: Of one model.
        positive: For two classes the one to be found, the second where left out; for more, the
            one against the rest, which must be named; one label of several, all where left out.

    Raises:
        ConfigError: ``class_unknown``, ``positive_needed``.
    """
    classes = predictions.classes
    if positive is not None and positive not in classes:
        raise ConfigError("class_unknown", name=positive, known=list(classes))
    if predictions.task != "multilabel" and positive is None:
        if len(classes) != 2:
            raise ConfigError("positive_needed", known=list(classes))
        positive = classes[1]
    p = predictions.probabilities()
    found = []
    for k, name in enumerate(classes):
        if positive is not None and name != positive:
            continue
        if predictions.task == "multilabel":
            rows = ~np.isnan(predictions.targets[:, k])
            truth = predictions.targets[rows, k] == 1
        else:
            rows, truth = np.ones(len(p), bool), predictions.targets == k
        found.append(Side(name, k, rows, p[rows, k], truth))
    return tuple(found)


def fit_threshold(
    predictions: Predictions, rule: Rule, positive: str | None = None
) -> tuple[OperatingPoint, ...]:
    """The thresholds of a rule: one for two classes, one a label for several labels.

    Between two neighbouring probabilities every threshold does the same here; the middle is taken,
    so that neither a rounding nor a very similar new image tips over.

    Args:
        predictions: On the validation part, with the model's calibration if it has one.
        rule: How to choose.
        positive: As in :func:`sides`.

    Raises:
        ConfigError: ``class_unknown``, ``positive_needed``.

    >>> z = np.log(np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]], np.float32))
    >>> three = Predictions(tuple("abc"), np.array([0, 1, 1]), z, "val", 0, ("x", "y"))
    >>> round(fit_threshold(three, Rule("youden"))[0].threshold, 3)
    0.25
    """
    return tuple(_fit(side, rule) for side in sides(predictions, positive))


def _fit(side: Side, rule: Rule) -> OperatingPoint:
    n_yes, n_no = int(side.positive.sum()), int((~side.positive).sum())
    if rule.kind != "fixed" and not (n_yes and n_no):
        why, none = Msg("score.undefined.one_sided", {"classes": [side.label]}), math.nan
        return OperatingPoint(side.label, rule, none, none, none, n_yes, n_no, why)
    threshold = float(rule.value or 0.0) if rule.kind == "fixed" else _chosen(side, rule)
    said = side.scores >= threshold
    found = float(said[side.positive].mean()) if n_yes else math.nan
    left = float((~said[~side.positive]).mean()) if n_no else math.nan
    return OperatingPoint(side.label, rule, threshold, found, left, n_yes, n_no)


def _chosen(side: Side, rule: Rule) -> float:
    """The threshold of a rule on the empirical ROC curve."""
    false, true, levels = roc_curve(side.scores, side.positive)  # (G + 1,), highest first
    if rule.kind == "youden":
        place = int(np.argmax(true - false))
    elif rule.kind == "sensitivity":
        place = int(np.argmax(true >= float(rule.value or 0.0) - 1e-12))
    else:
        place = int(np.flatnonzero(1 - false >= float(rule.value or 0.0) - 1e-12)[-1])
    return between(levels, place)


def between(levels: Array, place: int) -> float:
    """A threshold that says all images down to ``levels[place]``, halfway to the next lower.

    Args:
        levels: Falling, the first infinite.
        place: 0 says none.
    """
    if place == 0:
        return float(np.nextafter(levels[1], 2))  # just above every image
    low = levels[place + 1] if place + 1 < len(levels) else 0.0
    middle = (levels[place] + low) / 2
    return float(middle if middle > low else levels[place])


def contract_threshold(
    points: Sequence[OperatingPoint], classes: Sequence[str], task: str
) -> float | tuple[float, ...] | None:
    """The thresholds as a file's contract has them; ``None`` where it cannot hold them.

    The contract's threshold for two classes is that of the second class; one for the first is
    turned round: ``p₀ ≥ t`` is ``p₁ ≤ 1 − t``. More than two classes have none. A label without a
    threshold keeps one half.

    >>> point = OperatingPoint("ill", Rule(), 0.25, 1, 1, 5, 5)
    >>> contract_threshold([point], ["ill", "healthy"], "classification") > 0.75
    True
    """
    by_label = {p.label: p.threshold for p in points if not math.isnan(p.threshold)}
    if not by_label:
        return None
    if task == "multilabel":
        return tuple(by_label.get(name, 0.5) for name in classes)
    if len(classes) != 2:
        return None
    if classes[1] in by_label:
        return by_label[classes[1]]
    return float(np.nextafter(1 - by_label[classes[0]], 2))
