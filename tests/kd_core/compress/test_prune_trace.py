import torch
from torch import nn

from kd_core.compress.prune_trace import trace


class Branches(nn.Module):
    """A sum, a concatenation and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1)
        self.other = nn.Conv2d(3, 2, 1)
        self.reader = nn.Conv2d(6, 5, 1)
        self.head = nn.Linear(5, 2)

    def forward(self, images):
        summed = torch.relu(self.left(images) + self.right(images))
        joined = torch.cat([summed, self.other(images)], 1)  # (N, 6, …)
        return self.head(self.reader(joined).mean((2, 3)))


def test_sums_and_concatenations_are_followed():
    groups = {group.name: group for group in trace(Branches(), torch.randn(1, 3, 4, 4))}
    assert set(groups) == {"left", "other", "reader"}  # and not the head
    ends = {(one.path, one.side): one.positions for one in groups["left"].cuts}
    assert set(ends) == {("left", "out"), ("right", "out"), ("reader", "in")}
    assert ends["reader", "in"] == (0, 1, 2, 3)
    other = {(one.path, one.side): one for one in groups["other"].cuts}
    assert other["reader", "in"].positions == (4, 5)
    assert other["reader", "in"].channels == (0, 1)


class Split(nn.Module):
    """Channels are split in two, so those of the first layer cannot go."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 1), nn.Conv2d(4, 6, 1)
        self.head = nn.Linear(6, 2)

    def forward(self, images):
        one, two = self.first(images).chunk(2, dim=1)
        return self.head(self.second(one + two).mean((2, 3)))


def test_a_split_is_not_followed():
    assert [group.name for group in trace(Split(), torch.randn(1, 3, 4, 4))] == ["second"]
