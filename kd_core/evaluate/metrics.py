"""Metrics: probabilities and true targets in, a number out.

What is undefined is NaN: a mean over classes of which one has no value has none, and nothing is
left out of it in silence. :mod:`kd_core.evaluate.rare` says which classes count in the means of a
part, and :mod:`kd_core.evaluate.scores` names those that do not, and why a figure is undefined.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kd_core.evaluate import kernels
from kd_core.evaluate.kernels import Array, Kernel, per_label
from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.ranking import average_precision, roc_auc
from kd_core.evaluate.rare import counted_in
from kd_core.registry import Entry, Registry


@dataclass(frozen=True, kw_only=True)
class MetricSpec(Entry):
    """One metric.

    Attributes:
        kernels: The arithmetic by task; see :mod:`kd_core.evaluate.kernels`.
        higher_is_better: Which way is up.
        per_class: Whether there is one value a class; a kernel's (R, K) values are then kept,
            and averaged over classes otherwise.
        of_others: Whether the value of a class rests on the images of the other classes.
        inflated: Whether resampling makes it larger, as it does with a sum of absolute gaps; its
            interval is moved back by the mean of that.
        of_answers: Whether it counts answers, so that a model's threshold matters to it.
        share: Whether it is a share, a mean of shares, or an area: its interval then stays inside
            [0, 1] and is wider towards the middle.
    """

    kernels: dict[str, Kernel]
    higher_is_better: bool = True
    per_class: bool = False
    of_others: bool = False
    inflated: bool = False
    of_answers: bool = False
    share: bool = False

    @property
    def is_area(self) -> bool:
        """Whether it is an area under a ROC curve, or a mean of such."""
        return self.share and not self.of_answers

    @property
    def tasks(self) -> tuple[str, ...]:
        """Tasks that the metric is defined for."""
        return tuple(self.kernels)

    def kernel(self, targets: NDArray[Any]) -> Kernel:
        """The arithmetic for targets of this shape."""
        return self.kernels["multilabel" if targets.ndim == 2 else "classification"]

    def seen(self, predictions: Predictions) -> Array:
        """What the metric is computed from, (N, K): probabilities, at half where answers count."""
        return predictions.at_half() if self.of_answers else predictions.probabilities()

    def averages(self, task: str) -> bool:
        """Whether it is a mean over classes or labels."""
        one = np.zeros((1, 2)) if task == "multilabel" else np.zeros(1, np.int64)
        values = self.kernel(one)(np.full((1, 2), 0.5), one, np.ones((1, 1)))
        return not self.per_class and values.ndim == 2

    def reduce(self, values: Array, counted: NDArray[np.bool_] | None = None) -> Array:
        """A kernel's values as this metric has them; a mean with an undefined class is NaN."""
        if self.per_class or values.ndim == 1:
            return values
        return values.mean(1) if counted is None else values[:, counted].mean(1)

    def of(self, predictions: Predictions, weights: Any = None) -> Any:
        """The value for predictions, where classes that hardly anybody has do not count."""
        seen = self.seen(predictions)
        return self.fn(seen, predictions.targets, weights, counted_in(predictions))

    def fn(
        self,
        probabilities: NDArray[Any],
        targets: NDArray[Any],
        weights: Any = None,
        counted: NDArray[np.bool_] | None = None,
    ) -> Any:
        """The value of the metric.

        Args:
            probabilities: (N, K).
            targets: (N,), or (N, L) with NaN for what is not known.
            weights: None, or one weight an image (N,), or R weightings at once (R, N).
            counted: Classes that count in a mean, (K,), as
                :func:`kd_core.evaluate.rare.counted` has it; all where left out.

        Returns:
            A float, or (K,) for a metric with one value a class; with R weightings (R,) or (R, K).
        """
        given = np.ones(len(probabilities)) if weights is None else np.asarray(weights, float)
        p = np.asarray(probabilities, float)
        values = self.reduce(self.kernel(targets)(p, targets, np.atleast_2d(given)), counted)
        if given.ndim == 2:
            return values
        return values[0] if self.per_class else float(values[0])


METRICS: Registry[MetricSpec] = Registry("metric")

_OF_PROBABILITIES = {"macro_auc", "average_precision", "auc", "ap", "ece", "brier"}
_SHARES = {"accuracy", "balanced_accuracy", "macro_specificity", "exact_match", "macro_auc"}
_SHARES |= {"auc", "sensitivity", "specificity"}

# Bound once: a bootstrap computes a kernel that two metrics share only once.
_AUC, _AP = per_label(roc_auc), per_label(average_precision)
_SENSITIVITY = per_label(kernels.label_sensitivity)
_SPECIFICITY = per_label(kernels.label_specificity)


def _add(name: str, source: str, one: Kernel | None, several: Kernel | None, **more: Any) -> None:
    """Register a metric by its arithmetic for one label an image and for several."""
    both = {"classification": one, "multilabel": several}
    fitting = {task: kernel for task, kernel in both.items() if kernel}
    more = {"of_answers": name not in _OF_PROBABILITIES, "share": name in _SHARES, **more}
    METRICS.add(name, MetricSpec(source=source, kernels=fitting, **more))


_add(
    "balanced_accuracy",
    "Brodersen et al. 2010",
    kernels.sensitivity,
    per_label(kernels.label_balanced),
)
_add("accuracy", "", kernels.accuracy, per_label(kernels.label_accuracy))
_add("macro_auc", "Hanley & McNeil 1982", kernels.auc, _AUC)
_add("average_precision", "", kernels.ap, _AP)
_add("f1", "", kernels.f1, per_label(kernels.label_f1))
_add("mcc", "Gorodkin 2004", kernels.mcc, None)
_add("kappa", "Cohen 1960", kernels.kappa, None)
_add("macro_specificity", "", kernels.specificity, _SPECIFICITY)
_add("exact_match", "", None, kernels.exact_match)
_add(
    "ece",
    "Guo et al. 2017",
    kernels.ece,
    per_label(kernels.label_ece),
    higher_is_better=False,
    inflated=True,
)
_add("brier", "Brier 1950", kernels.brier, per_label(kernels.label_brier), higher_is_better=False)
_add("auc", "Hanley & McNeil 1982", kernels.auc, _AUC, per_class=True)
_add("ap", "", kernels.ap, _AP, per_class=True)
_add("sensitivity", "", kernels.sensitivity, _SENSITIVITY, per_class=True)
_add("specificity", "", kernels.specificity, _SPECIFICITY, per_class=True, of_others=True)
