"""Channels that go together, as plain data, and taking them out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from kd_core.compress.rebuild import Side, cut


@dataclass(frozen=True)
class Cut:
    """One end of a group: where its channels are in one layer.

    Attributes:
        path: Of the module, or of a bare parameter.
        side: Outputs, inputs, or the parameter itself.
        positions: Positions on that side.
        channels: The group's channel that each position belongs to, as long as ``positions``.
    """

    path: str
    side: Side
    positions: tuple[int, ...]
    channels: tuple[int, ...]


@dataclass(frozen=True)
class ChannelGroup:
    """Channels that can be taken out, each from all its layers at once.

    Attributes:
        name: Path of the first layer that writes them.
        channels: How many there are.
        blocks: Where a grouped convolution reads or writes them: its number of groups, each of
            which must lose the same channels; else 1.
        cuts: Where they are.
    """

    name: str
    channels: int
    blocks: int
    cuts: tuple[Cut, ...]

    @property
    def units(self) -> int:
        """How many choices there are: channels that go together count as one."""
        return self.channels // self.blocks

    def drops(self, units: set[int]) -> dict[tuple[str, Side], set[int]]:
        """What :func:`kd_core.compress.rebuild.cut` has to take out, for these units."""
        return {
            (one.path, one.side): {
                position
                for position, channel in zip(one.positions, one.channels, strict=True)
                if channel % self.units in units
            }
            for one in self.cuts
        }


def remove(network: nn.Module, chosen: Mapping[ChannelGroup, set[int]]) -> None:
    """Take units of several groups out of a network, in place.

    Args:
        network: The network whose groups these are.
        chosen: Units to take out, by group.
    """
    drops: dict[tuple[str, Side], set[int]] = {}
    for group, units in chosen.items():
        for place, positions in group.drops(units).items():
            drops.setdefault(place, set()).update(positions)
    cut(network, drops)
