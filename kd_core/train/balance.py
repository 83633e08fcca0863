"""How hard each part of a loss pulls at the start of training, relative to the labels.

A weight says little by itself: a hint of weight 100 may move the student less than soft targets of
weight 0.5. So in the first steps the gradient of each part is taken from the very graph that the
step is about to learn from. Nothing is drawn, no statistics move, no further image is seen: with or
without it, training ends with the same weights.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from kd_core.data.disk import full_disk_is_told
from kd_core.losses.spec import LOSSES
from kd_core.settings import Settings
from kd_core.text import Msg, significant

BALANCE = "balance.json"

STEPS = 2
"""First steps that are weighed; later ones are of a student that has begun to follow."""

DROWNS = 10.0
"""A part that pulls so many times harder than another leaves it little to say."""


class Share(Settings):
    """One part of a loss at the start; means over the first steps.

    Attributes:
        size: The part itself, unweighted.
        gradient: Norm of its gradient over all of the student's parameters, unweighted.
        weight: Its weight in the objective, after the warm-up.
        size_ratio: Weighted size over the task loss's; ``None`` where labels have no weight.
        pull: Weighted gradient norm over the task loss's; ``None`` likewise.
        agreement: Cosine between its gradient and the task loss's, −1 to 1: below 0 it pulls
            away from the labels. ``None`` where there is no task loss.
        suggested: Weight that would make its pull 1; ``None`` where nothing is to be suggested.
    """

    size: float
    gradient: float
    weight: float
    size_ratio: float | None = None
    pull: float | None = None
    agreement: float | None = None
    suggested: float | None = None

    @property
    def verdict(self) -> Literal["fair", "drowns", "drowned"]:
        """``drowns`` the labels, is ``drowned`` by them, or neither."""
        if self.pull is None or self.weight == 0:
            return "fair"
        if self.pull > DROWNS:
            return "drowns"
        return "drowned" if self.pull < 1 / DROWNS else "fair"


class Balance(Settings):
    """All parts of one objective at the start of training.

    Attributes:
        steps: Number of first steps that the figures are means over.
        parts: By name, ``task`` first where there are labels.
    """

    steps: int
    parts: dict[str, Share] = Field(default_factory=dict)


class Scales:
    """Collects sizes and gradients of the parts in the first steps.

    Attributes:
        n: Steps that were weighed.
    """

    def __init__(self, steps: int = STEPS) -> None:
        self.n = 0
        self._steps = steps
        self._sums: dict[str, dict[str, float]] = {}
        self._weights: dict[str, float] = {}

    @property
    def full(self) -> bool:
        """True when enough steps were weighed."""
        return self.n >= self._steps

    def add(
        self, parts: Mapping[str, Tensor], network: nn.Module, weights: Mapping[str, float]
    ) -> None:
        """Weigh one step; its graph stays as it was.

        Args:
            parts: Unweighted parts by name, before ``backward``.
            network: The network whose parameters the gradients are taken for.
            weights: Weight of each part; parts without one (``total``) are left out.
        """
        if self.full:
            return
        parameters = [p for p in network.parameters() if p.requires_grad]
        gradients = {
            name: gradient_of(parts[name], parameters) for name in weights if name in parts
        }
        task = gradients.get("task")
        for name, gradient in gradients.items():
            sums = self._sums.setdefault(name, {"size": 0.0, "gradient": 0.0, "cosine": 0.0})
            norm = float(gradient.norm())
            sums["size"] += float(parts[name].detach())
            sums["gradient"] += norm
            if task is not None:
                sums["cosine"] += float(gradient @ task) / max(norm * float(task.norm()), 1e-30)
        self._weights = dict(weights)
        self.n += 1

    def balance(self) -> Balance:
        """The figures so far."""
        means = {
            name: {figure: value / max(1, self.n) for figure, value in sums.items()}
            for name, sums in self._sums.items()
        }
        return balance_of(means, self._weights, self.n)


def gradient_of(part: Tensor, parameters: list[nn.Parameter]) -> Tensor:
    """The gradient of a part as one vector; zeros for what it does not depend on."""
    if not part.requires_grad:
        return torch.zeros(sum(p.numel() for p in parameters), device=part.device)
    found = torch.autograd.grad(part, parameters, retain_graph=True, allow_unused=True)
    pairs = zip(found, parameters, strict=True)
    return torch.cat([(torch.zeros_like(p) if g is None else g).flatten() for g, p in pairs])


def balance_of(
    means: Mapping[str, Mapping[str, float]], weights: Mapping[str, float], steps: int
) -> Balance:
    """The figures of all parts, relative to the task loss.

    >>> means = {"task": {"size": 1, "gradient": 2, "cosine": 1},
    ...          "hint": {"size": 3, "gradient": 8, "cosine": 0}}
    >>> hint = balance_of(means, {"task": 1.0, "hint": 100.0}, 2).parts["hint"]
    >>> hint.pull, hint.verdict, hint.suggested
    (400.0, 'drowns', 0.25)
    """
    task = means.get("task")
    labels = 0.0 if task is None else weights["task"]
    parts = {}
    for name, mean in means.items():
        if not all(map(math.isfinite, mean.values())):
            continue  # training itself stops and names the part
        weight = weights[name]
        share = Share(size=mean["size"], gradient=mean["gradient"], weight=weight)
        if task is not None and labels > 0:
            share = _beside(share, mean, task, labels, name)
        parts[name] = share
    return Balance(steps=steps, parts=parts)


def _beside(
    share: Share, mean: Mapping[str, float], task: Mapping[str, float], labels: float, name: str
) -> Share:
    """A part beside the task loss."""
    size, gradient = labels * task["size"], labels * task["gradient"]
    share = share.change(
        size_ratio=share.weight * share.size / size if size > 0 else None,
        pull=share.weight * share.gradient / gradient if gradient > 0 else None,
        agreement=max(-1.0, min(1.0, mean["cosine"])),
    )
    if name == "task" or share.verdict == "fair" or share.gradient == 0:
        return share
    return share.change(suggested=significant(gradient / share.gradient, 2))


def messages(balance: Balance) -> list[tuple[Literal["info", "warning"], Msg]]:
    """What a person should know of it, the warnings last."""
    said: list[tuple[Literal["info", "warning"], Msg]] = []
    warned: list[tuple[Literal["info", "warning"], Msg]] = []
    for name, part in balance.parts.items():
        if name == "task" or part.pull is None:
            continue
        title = Msg(f"loss.{name}.title" if name in LOSSES else f"part.{name}").to_json()
        size = None if part.size_ratio is None else _short(part.size_ratio)
        figures = {"loss": title, "weight": part.weight, "size": size, "pull": _short(part.pull)}
        said.append(("info", Msg("train.balance", figures)))
        if part.suggested is not None:
            advice = {**figures, "suggested": part.suggested}
            warned.append(("warning", Msg(f"train.balance_{part.verdict}", advice)))
    return said + warned


def write_balance(folder: Path, balance: Balance) -> None:
    """Keep it in the run's folder.

    Raises:
        StoreError: ``disk_full``.
    """
    path = folder / BALANCE
    with full_disk_is_told(path):
        path.write_text(json.dumps(balance.to_json(), indent=1) + "\n", encoding="utf-8")


def read_balance(folder: Path) -> Balance | None:
    """The balance in a run's folder; ``None`` where there is none, as in older runs.

    Args:
        folder: The run's folder.

    Raises:
        ConfigError: The file is not what :func:`write_balance` wrote.
    """
    path = folder / BALANCE
    return Balance.from_json(path.read_text(encoding="utf-8")) if path.is_file() else None


def _short(value: float) -> float:
    return significant(value, 2)
