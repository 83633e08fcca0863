"""Models side by side: what was set differently, whom the change harms, and what to try next."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kd_core.errors import DataError
from kd_core.evaluate.predictions import Predictions
from kd_core.text import Msg

IGNORED = frozenset({"key", "needs.teacher", "needs.origin", "schema_version"})
"""Settings that only name a run."""


def differences(configs: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Settings in which runs differ, by path, then by run; equal ones are left out.

    >>> differences({"a": {"train": {"lr": 0.1, "epochs": 5}}, "b": {"train": {"lr": 0.2,
    ...     "epochs": 5}}})
    {'train.lr': {'a': 0.1, 'b': 0.2}}
    """
    found = {name: flat(config) for name, config in configs.items()}
    paths = dict.fromkeys(path for values in found.values() for path in values)
    rows = {path: {name: values.get(path) for name, values in found.items()} for path in paths}
    return {
        path: row
        for path, row in rows.items()
        if path not in IGNORED and len({repr(value) for value in row.values()}) > 1
    }


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Nested settings by path.

    >>> flat({"train": {"lr": 0.1}, "losses": [{"name": "kd"}]})
    {'train.lr': 0.1, 'losses[1].name': 'kd'}
    """
    if isinstance(value, Mapping) and value:
        inner = [flat(v, f"{path}.{k}" if path else str(k)) for k, v in value.items()]
    elif isinstance(value, list | tuple) and value:
        inner = [flat(v, f"{path}[{i + 1}]") for i, v in enumerate(value)]
    else:
        return {path: None if value in ({}, [], ()) else value}
    return {k: v for part in inner for k, v in part.items()}


# --- flips, the worst first ---------------------------------------------------------------------


@dataclass(frozen=True)
class Harm:
    """What an error costs; the numbers are a person's choice and only their ratios count.

    Attributes:
        missed: A positive that is taken for negative.
        confused: A positive that is taken for another positive.
        alarm: A negative that is taken for positive.
    """

    missed: float = 10.0
    confused: float = 3.0
    alarm: float = 1.0


@dataclass(frozen=True)
class Flip:
    """An image on which the second model answers differently.

    Attributes:
        row: Position of the image.
        harm: Cost of the second model's answer less that of the first's: positive is worse.
        kind: ``missed``, ``confused``, ``alarm``; ``gained`` where the second is the better one.
    """

    row: int
    harm: float
    kind: str


def flips(
    first: Predictions, second: Predictions, negative: Collection[str], harm: Harm = Harm()
) -> list[Flip]:
    """Images with another answer, the most harmful change first, among equals the surest error.

    Args:
        first: The pinned model.
        second: The other one, on the same images.
        negative: Classes that count as healthy or negative. Several labels need none: a label
            that is missing is missed, a label too many is an alarm.
        harm: Cost of each kind of error.

    Raises:
        DataError: ``pairs_differ``.
    """
    if first.ids != second.ids:
        raise DataError("pairs_differ", first=len(first), second=len(second))
    before, _ = _costs(first, negative, harm)
    after, kinds = _costs(second, negative, harm)
    other = first.predicted() != second.predicted()
    other = other.any(1) if other.ndim == 2 else other
    change = after - before
    sure = np.abs(second.probabilities() - 0.5).max(1)
    rows = np.flatnonzero(other)
    rows = rows[np.lexsort((-sure[rows], -change[rows]))]
    return [
        Flip(int(i), float(change[i]), "gained" if change[i] < 0 else str(kinds[i])) for i in rows
    ]


def _costs(
    predictions: Predictions, negative: Collection[str], harm: Harm
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Cost and kind of each image's error, (N,) each."""
    answers, truth = predictions.predicted(), predictions.targets
    if answers.ndim == 2:
        missed, alarm = ((truth == 1) & (answers == 0)), ((truth == 0) & (answers == 1))
        cost = missed.sum(1) * harm.missed + alarm.sum(1) * harm.alarm
        return cost.astype(float), np.where(missed.any(1), "missed", "alarm")
    healthy = np.array([name in negative for name in predictions.classes])
    was, said = healthy[truth.astype(int)], healthy[answers]
    wrong = answers != truth
    kinds = np.where(~was & said, "missed", np.where(was & ~said, "alarm", "confused"))
    weights = np.select(
        [kinds == "missed", kinds == "alarm"], [harm.missed, harm.alarm], harm.confused
    )
    return np.where(wrong, weights, 0.0), kinds


# --- advice -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Evidence:
    """What is known of one model, for :func:`advice`; ``None`` where nobody knows.

    Attributes:
        name: What it is called.
        seeds: How many seeds were run.
        precision: Of its file.
        int8_on_device: Whether the chosen runtime takes INT8 files.
        best_epoch: Epoch that was kept, of ``epochs``.
        epochs: Length of the training.
        loss_by_class: Sensitivity less that of the pinned model, by class.
        slowest: Layer with the largest share of the time, its share, and how the runtime spends
            it: ``work`` or ``overhead``.
        alpha: Weight of the true labels of a distilled student.
    """

    name: str
    seeds: int
    precision: str = "fp32"
    int8_on_device: bool = False
    best_epoch: int | None = None
    epochs: int | None = None
    loss_by_class: Mapping[str, float] | None = None
    slowest: tuple[str, float] | None = None
    alpha: float | None = None


FEW_SEEDS, LOST, DEAR, LATE = 3, -0.03, 0.3, 0.95


def advice(found: Evidence) -> list[Msg]:
    """What to change, each with the figure that it rests on; nothing where nothing stands out.

    >>> [msg.id for msg in advice(Evidence("student", seeds=1))]
    ['advice.seeds']
    """
    said: list[Msg] = []
    name = {"name": found.name}
    if found.seeds < FEW_SEEDS:
        said.append(Msg("advice.seeds", {**name, "n": found.seeds}))
    worst = min((found.loss_by_class or {}).items(), key=lambda pair: pair[1], default=("", 0.0))
    if worst[1] <= LOST:
        said.append(Msg("advice.class", {**name, "class": worst[0], "lost": -worst[1]}))
    if found.best_epoch and found.epochs and found.best_epoch >= LATE * found.epochs:
        fields = {**name, "epoch": found.best_epoch, "of": found.epochs}
        said.append(Msg("advice.longer", fields))
    if found.precision == "fp32" and found.int8_on_device:
        said.append(Msg("advice.int8", name))
    if found.slowest and found.slowest[1] >= DEAR:
        fields = {**name, "layer": found.slowest[0], "share": found.slowest[1]}
        said.append(Msg("advice.layer", fields))
    return said


def loss_by_class(
    pinned: Mapping[str, float | None], other: Mapping[str, float | None], classes: Sequence[str]
) -> dict[str, float]:
    """Sensitivity by class of the other model less that of the pinned one, where both have it."""
    lost = {}
    for name in classes:
        a, b = pinned.get(f"sensitivity:{name}"), other.get(f"sensitivity:{name}")
        if a is not None and b is not None:
            lost[name] = b - a
    return lost
