"""From a model file's outputs to probabilities and decisions, as the file's contract says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kd_core.errors import ExportError
from kd_core.evaluate.decide import calibrated_logits, decided, to_probabilities
from kd_core.export import FileContract
from kd_core.tasks import TASKS

DEFAULT_THRESHOLD = 0.5

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """What one model says of n pictures.

    Attributes:
        classes: Class or label names.
        task: Entry of ``TASKS``.
        logits: (n, K).
        raw: Probabilities of the logits as they are, (n, K).
        probabilities: Calibrated where the file carries a calibration, else equal to ``raw``.
        chosen: For ``classification`` the class, int64 (n,); for ``multilabel`` which labels are
            said to be present, bool (n, K).
        calibrated: True where a calibration was applied.
        threshold: Operating threshold by label or class, (K,); ``None`` where the likeliest
            class is taken.
    """

    classes: tuple[str, ...]
    task: str
    logits: Array
    raw: Array
    probabilities: Array
    chosen: NDArray[np.int64] | NDArray[np.bool_]
    calibrated: bool
    threshold: tuple[float, ...] | None

    def __len__(self) -> int:
        return len(self.logits)

    @property
    def confidence(self) -> Array:
        """Probability of what was chosen, (n,); for ``multilabel`` of the least certain label."""
        if self.task == "multilabel":
            p = self.probabilities
            return np.where(self.chosen, p, 1 - p).min(1)
        return np.asarray(self.probabilities[np.arange(len(self)), self.chosen])

    def names(self) -> list[str]:
        """What was chosen, in words: a class, or the labels that are present, joined."""
        if self.task == "multilabel":
            return [", ".join(np.array(self.classes)[row]) for row in self.chosen]
        return [self.classes[k] for k in self.chosen]

    @classmethod
    def joined(cls, parts: Sequence[Answers], contract: FileContract) -> Answers:
        """One after the other; none at all for no parts."""
        logits = [part.logits for part in parts] or [np.empty((0, len(contract.classes)))]
        return answers_of(np.concatenate(logits), contract)


def read_answers(outputs: Mapping[str, NDArray[np.float32]], contract: FileContract) -> Answers:
    """The answers in a file's outputs.

    Raises:
        ExportError: ``outputs_missing``.
    """
    name = TASKS[contract.task].output
    if name not in outputs:
        raise ExportError("outputs_missing", name=name, found=sorted(outputs))
    return answers_of(outputs[name].astype(np.float64), contract)


def answers_of(logits: Array, contract: FileContract) -> Answers:
    """Answers from logits (n, K)."""
    raw = to_probabilities(logits, contract.task)
    calibrated = calibrate(logits, contract)
    probabilities = raw if calibrated is None else calibrated
    threshold = _threshold(contract)
    chosen: NDArray[np.int64] | NDArray[np.bool_]
    if contract.task == "multilabel":
        chosen = probabilities >= np.asarray(threshold)
    else:
        chosen = decided(probabilities, contract.task, threshold)
    return Answers(
        classes=contract.classes,
        task=contract.task,
        logits=logits,
        raw=raw,
        probabilities=probabilities,
        chosen=chosen,
        calibrated=calibrated is not None,
        threshold=threshold,
    )


def calibrate(logits: Array, contract: FileContract) -> Array | None:
    """Calibrated probabilities (n, K), or ``None`` where the file carries no calibration.

    Raises:
        ExportError: ``calibration_unknown``.
    """
    if contract.calibration is None:
        return None
    scaled = calibrated_logits(logits, contract.task, contract.calibration)
    return to_probabilities(scaled, contract.task)


def _threshold(contract: FileContract) -> tuple[float, ...] | None:
    """One threshold a class; ``None`` for the likeliest class."""
    k = len(contract.classes)
    if contract.threshold is None:
        return (DEFAULT_THRESHOLD,) * k if contract.task == "multilabel" else None
    if isinstance(contract.threshold, tuple):
        return contract.threshold
    return (contract.threshold,) * k


def disagreement(answers: Mapping[str, Answers], reference: str) -> NDArray[np.bool_]:
    """Where any model chooses otherwise than the reference, (n,)."""
    mine = answers[reference].chosen
    differs = np.zeros(len(answers[reference]), np.bool_)
    for other in answers.values():
        unequal = other.chosen != mine
        differs |= unequal.any(1) if unequal.ndim == 2 else unequal
    return differs


def agreement(answers: Mapping[str, Answers], reference: str) -> dict[str, float]:
    """Share of pictures on which each other model chooses as the reference does; NaN for none."""
    return {
        name: float(
            1 - disagreement({reference: answers[reference], name: other}, reference).mean()
        )
        if len(other)
        else float("nan")
        for name, other in answers.items()
        if name != reference
    }
