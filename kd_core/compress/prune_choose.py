"""Which channels go: from scores and an aim to units, by group.

One number, the *share*, says how much is taken: of every group alike (``uniform``), or of all
channels together, the least important first (``global``). For an aim in MACs, parameters or time
the share is found by bisection; each trial is weighed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from kd_core.compress.prune_channels import ChannelGroup
from kd_core.compress.prune_scores import Scores
from kd_core.errors import ModelError

Scope = Literal["global", "uniform"]
Chosen = dict[ChannelGroup, set[int]]
Left = Callable[[Chosen], float]
"""Units that go, to the share of the original's cost that is left without them."""

CLOSE = 0.001
"""Share of the original's cost within which an aim counts as reached exactly."""


@dataclass(frozen=True)
class Limits:
    """What must stay.

    Attributes:
        original: Units of each group before the first step, by name.
        max_ratio: Largest share of a group that may go.
        round_to: Channels that stay are a multiple of this, where there are that many.
    """

    original: Mapping[str, int]
    max_ratio: float = 0.9
    round_to: int = 1

    def floor(self, group: ChannelGroup) -> int:
        """The fewest units that stay."""
        return max(1, math.ceil(self.original[group.name] * (1 - self.max_ratio) - 1e-9))

    def rounded(self, group: ChannelGroup, kept: int) -> int:
        """A number of units to keep: at least the floor, rounded up, never more than there are."""
        step = self.round_to // math.gcd(self.round_to, group.blocks)
        kept = max(kept, self.floor(group))
        return min(group.units, math.ceil(kept / step) * step)


def choose(scores: Scores, share: float, scope: Scope, limits: Limits) -> Chosen:
    """The units that go.

    Args:
        scores: One score a unit; groups without scores stay whole.
        share: ``uniform``: of the units that a group had before the first step; ``global``: of
            all channels that have a score now.
        scope: See there.
        limits: What must stay.
    """
    if scope == "uniform":
        kept = {
            group: math.ceil(limits.original[group.name] * (1 - share) - 1e-9) for group in scores
        }
    else:
        kept = _kept_globally(scores, share, limits)
    return lowest(scores, kept, limits)


def lowest(scores: Scores, kept: Mapping[ChannelGroup, int], limits: Limits) -> Chosen:
    """The least important units of each group, so many that the given number is kept."""
    chosen: Chosen = {}
    for group, values in scores.items():
        n = group.units - limits.rounded(group, kept.get(group, group.units))
        if n > 0:
            chosen[group] = set(np.argsort(values, kind="stable")[:n].tolist())
    return chosen


def _kept_globally(scores: Scores, share: float, limits: Limits) -> dict[ChannelGroup, int]:
    groups = list(scores)
    owner = np.concatenate([np.full(group.units, i) for i, group in enumerate(groups)])
    values = np.concatenate([scores[group] for group in groups])
    kept = [group.units for group in groups]
    floors = [limits.floor(group) for group in groups]
    left = share * sum(group.channels for group in groups)  # channels still to take
    for number in owner[np.argsort(values, kind="stable")]:
        if left < groups[number].blocks:
            break
        if kept[number] > floors[number]:
            kept[number] -= 1
            left -= groups[number].blocks
    return dict(zip(groups, kept, strict=True))


def choose_for(
    scores: Scores, aim: float, left: Left, scope: Scope, limits: Limits, trials: int = 20
) -> Chosen:
    """The units that take ``aim`` of a cost away, as nearly as there is a choice.

    Args:
        scores: One score a unit.
        aim: Share of the original's cost that is to go.
        left: What share of it is left without some units.
        scope: ``uniform`` or ``global``.
        limits: What must stay; an aim beyond them is approached as far as they allow.
        trials: How many choices are weighed at most.
    """
    best: tuple[float, Chosen] = (math.inf, {})
    low, high = 0.0, 1.0
    for number in range(trials):
        share = 1.0 if number == 0 else (low + high) / 2
        chosen = choose(scores, share, scope, limits)
        gone = 1 - left(chosen)
        best = min(best, (abs(gone - aim), chosen), key=lambda pair: pair[0])
        if best[0] < CLOSE or (number == 0 and gone <= aim):
            break
        if number:
            low, high = (share, high) if gone < aim else (low, share)
    return best[1]


def parse_layers(text: object, groups: tuple[ChannelGroup, ...]) -> dict[ChannelGroup, float]:
    """The ratios that a person gives by layer.

    Args:
        text: JSON such as ``{"layer1.0.conv1": 0.5}``; empty is none.
        groups: The groups of the network.

    Raises:
        ModelError: ``prune_layers_unreadable`` or ``prune_layer_unknown``.
    """
    if text == "":
        return {}
    try:
        ratios = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        ratios = None
    if not isinstance(ratios, dict) or not all(_is_ratio(value) for value in ratios.values()):
        raise ModelError("prune_layers_unreadable", got=str(text)[:80])
    known = {group.name: group for group in groups}
    for name in ratios:
        if name not in known:
            raise ModelError("prune_layer_unknown", layer=name, known=list(known)[:12])
    return {known[name]: float(ratio) for name, ratio in ratios.items()}


def _is_ratio(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1
