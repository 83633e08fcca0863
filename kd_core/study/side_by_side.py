"""Models side by side: what was set differently, and what to try next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
