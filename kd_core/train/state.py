"""Where a run stands, beside its networks."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from kd_core.train.report import Meter
from kd_core.train.validate import Rank

LOWEST = Rank(-math.inf, -math.inf)


def copy_of(module: nn.Module) -> dict[str, Tensor]:
    """The state of a module now, on the CPU; later steps do not change it."""
    return {k: v.detach().to("cpu", copy=True) for k, v in module.state_dict().items()}


def at_rest(network: nn.Module) -> nn.Module:
    """A network as it is kept: on the CPU, in evaluation mode, with the usual memory layout."""
    return network.cpu().to(memory_format=torch.contiguous_format).eval()


@dataclass
class TrainState:
    """Everything in a checkpoint that does not belong to the mode.

    Attributes:
        initial: Hash of the initial weights.
        step: Optimiser steps taken.
        seconds: Wall time of the finished epochs.
        epoch_seconds: Wall time of the present epoch before the last save in it.
        wait_s: Of the present epoch's seconds, those spent waiting for images.
        meter: Loss parts of the present epoch.
        history: One row a finished epoch.
        best_epoch: Epoch (from 1) of the best weights, 0 before the first.
        best_rank: How good they are.
        best_weights: State dict of the deployed network, on the CPU.
        energy_j: Energy used so far; ``None`` where it cannot be read.
        peak_memory_bytes: Largest memory so far; ``None`` likewise.
        best_others: Of that epoch, the state of what else the run will leave, by name.
    """

    initial: str
    step: int = 0
    seconds: float = 0.0
    epoch_seconds: float = 0.0
    wait_s: float = 0.0
    meter: Meter = field(default_factory=Meter)
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_rank: Rank = LOWEST
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    energy_j: float | None = 0.0
    peak_memory_bytes: int | None = None
    best_others: dict[str, dict[str, Tensor]] = field(default_factory=dict)

    def to_plain(self) -> dict[str, Any]:
        """Only tensors and plain values, so that ``weights_only=True`` can read it.

        >>> state = TrainState("ab", step=3, best_rank=Rank(0.5, -1.0))
        >>> TrainState.from_plain(state.to_plain()).best_rank
        Rank(metric=0.5, minus_loss=-1.0)
        """
        rank = (self.best_rank.metric, self.best_rank.minus_loss)
        meter = (self.meter.state(), self.meter.n)
        return {**vars(self), "meter": meter, "best_rank": rank}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> TrainState:
        """The state that :meth:`to_plain` wrote."""
        meter, rank = Meter(*plain["meter"]), Rank(*plain["best_rank"])
        return cls(**{**plain, "meter": meter, "best_rank": rank})
