"""What pruning did, as numbers for the page and the truth check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kd_core.compress.prune_channels import ChannelGroup
from kd_core.models import TaskModel
from kd_core.models.profile import profile
from kd_core.text import Msg

MISSED = 0.02
"""An aim that is missed by more than this share of the original is said so."""


def pruning_facts(
    original: TaskModel,
    pruned: TaskModel,
    groups: Sequence[ChannelGroup],
    params: Mapping[str, Any],
) -> dict[str, Any]:
    """MACs, parameters and channels before and after, in all and by layer; JSON-safe.

    Args:
        original: The network before.
        pruned: The network after.
        groups: Channel groups of the original.
        params: The entry's parameters, complete.
    """
    spec = original.spec
    before, after = (profile(m, spec.channels, spec.size) for m in (original, pruned))
    layers: list[dict[str, Any]] = []
    for group in groups:
        module: Any = pruned.network.get_submodule(group.name)
        left = int(module.weight.shape[0])
        layers.append({"layer": group.name, "channels": group.channels, "left": left})
    channels = sum(layer["channels"] for layer in layers)
    gone = {
        "channels": 1 - sum(layer["left"] for layer in layers) / channels,
        "macs": 1 - after.macs / before.macs,
        "params": 1 - after.params / before.params,
    }
    return {
        "target": "layers" if params["layers"] else params["target"],
        "wanted": params["ratio"],
        "removed": gone,
        "macs": [before.macs, after.macs],
        "params": [before.params, after.params],
        "layers": layers,
    }


def pruning_notes(facts: Mapping[str, Any]) -> tuple[Msg, ...]:
    """What a person should read about it."""
    notes = []
    reached = facts["removed"].get(facts["target"])
    if reached is not None and abs(reached - facts["wanted"]) > MISSED:
        notes.append(Msg("prune.missed", {"wanted": facts["wanted"], "reached": reached}))
    if facts["recalibrated"]:
        notes.append(Msg("prune.recalibrated"))
    return tuple(notes)
