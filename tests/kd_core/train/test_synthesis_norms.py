import numpy as np
import pytest
import torch
from torch import nn

from kd_core.train import synthesis_norms
from kd_core.train.synthesis_norms import Frame, distance, distances, norms_of

CPU = torch.device("cpu")


def test_the_distance_of_a_layer_is_that_of_batch_mean_and_variance():
    net = nn.Sequential(nn.BatchNorm2d(2)).eval()
    net[0].running_mean.copy_(torch.tensor([1.0, -1.0]))
    net[0].running_var.copy_(torch.tensor([4.0, 9.0]))
    x = torch.randn(4, 2, 3, 3)
    with distances(net) as found:
        net(x)
    flat = x.transpose(0, 1).flatten(1).numpy().astype(np.float64)  # (2, 36)
    mean = np.linalg.norm(flat.mean(1) - [1, -1]) / np.sqrt(4 + 9)
    var = np.linalg.norm(flat.var(1) - [4, 9]) / np.sqrt(4**2 + 9**2)
    assert float(found[0]) == pytest.approx(mean + var, rel=1e-4)


def test_a_layer_with_large_numbers_counts_no_more_than_one_with_small_ones():
    small, large = (nn.Sequential(nn.BatchNorm2d(1)).eval() for _ in range(2))
    large[0].running_var.fill_(1e6)
    x = torch.randn(8, 1, 4, 4)
    each = []
    for net, images in ((small, x), (large, 1000 * x)):
        with distances(net) as found:
            net(images)
        each.append(float(found[0]))
    assert each[0] == pytest.approx(each[1], rel=1e-3)


def test_images_are_measured_in_batches_with_the_normalisation_of_the_frame(monkeypatch):
    monkeypatch.setattr(synthesis_norms, "BATCH", 4)
    net = nn.Sequential(nn.BatchNorm2d(1), nn.ReLU(), nn.BatchNorm2d(1)).eval()
    images = np.random.default_rng(0).integers(0, 256, (8, 1, 6, 6), dtype=np.uint8)
    frame = Frame((1, 6, 6), (0.5,), (0.25,))
    whole = distance(net, frame, images, CPU)
    halves = [distance(net, frame, images[rows], CPU) for rows in (slice(4), slice(4, 8))]
    assert whole == pytest.approx(np.mean(halves))
    assert len(norms_of(net)) == 2
