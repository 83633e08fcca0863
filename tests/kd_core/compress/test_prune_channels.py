import torch
from torch import nn

from kd_core.compress.prune_channels import ChannelGroup, Cut, remove


def test_a_unit_is_one_channel_of_each_block():
    group = ChannelGroup("a", 6, 2, (Cut("a", "out", (0, 1, 2, 3, 4, 5), (0, 1, 2, 3, 4, 5)),))
    assert group.units == 3
    assert group.drops({1}) == {("a", "out"): {1, 4}}


def test_positions_behind_a_flattened_map_go_with_their_channel():
    flat = Cut("b", "in", tuple(range(8)), (0, 0, 0, 0, 1, 1, 1, 1))  # 2 channels of 2 × 2
    assert ChannelGroup("a", 2, 1, (flat,)).drops({1}) == {("b", "in"): {4, 5, 6, 7}}


def test_several_groups_are_cut_from_one_reader_at_once():
    network = nn.Sequential(nn.Conv2d(5, 2, 1))
    before = network[0].weight.detach().clone()
    first = ChannelGroup("x", 2, 1, (Cut("0", "in", (0, 1), (0, 1)),))
    second = ChannelGroup("y", 3, 1, (Cut("0", "in", (2, 3, 4), (0, 1, 2)),))
    remove(network, {first: {1}, second: {0, 2}})
    assert torch.equal(network[0].weight, before[:, [0, 3]])
