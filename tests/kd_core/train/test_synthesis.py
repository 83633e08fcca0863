import numpy as np
import pytest
import torch
from torch import nn

from kd_core.errors import ConfigError
from kd_core.models import build_model
from kd_core.train import synthesis
from kd_core.train.synthesis import Recipe, sheet, smooth_noise, synthesise, total_variation
from kd_core.train.synthesis_norms import Frame, distance, norms_of
from tests.helpers_data import tiny_data
from tests.helpers_modes import TEACHER, network

DATA = tiny_data()
FRAME = Frame((3, 16, 16), DATA.mean, DATA.std)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def teacher():
    """It has learnt a little, so its batch norms know the images and its answers mean something."""
    net, part = network(TEACHER, 1, DATA), DATA.parts["train"]
    mean, std = FRAME.columns(CPU)
    images, labels = (torch.from_numpy(array) for array in (part.images, part.targets))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(25):
        loss = nn.functional.cross_entropy(net((images / 255 - mean) / std)["logits"], labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net.eval()


def made(teacher, cache, **changes):
    recipe = Recipe(**{"images": 12, "iterations": 30, **changes})
    return synthesise(teacher, FRAME, 3, recipe, cache, CPU)


def test_images_come_nearer_to_what_the_norms_remember(teacher, tmp_path):
    begun = made(teacher, tmp_path, iterations=1, norm_weight=10.0)
    done = made(teacher, tmp_path, iterations=30, norm_weight=10.0)
    near, far = (distance(teacher, FRAME, of.images, CPU) for of in (done, begun))
    assert near < 0.9 * far
    assert done.images.shape == (12, 3, 16, 16)
    assert np.bincount(done.labels).tolist() == [4, 4, 4]
    assert done.passes == 12 * 31


def test_images_come_nearer_to_their_class(teacher, tmp_path):
    begun, done = (made(teacher, tmp_path, iterations=n, norm_weight=0.0) for n in (1, 30))
    assert done.sure.mean() > begun.sure.mean() + 0.03


def test_the_first_noise_is_faint_smooth_and_nearly_grey():
    noise = smooth_noise(40, (3, 16, 16), torch.Generator().manual_seed(0))
    assert noise.std().item() == pytest.approx(synthesis.START)
    rough = synthesis.START * torch.randn(40, 3, 16, 16)
    assert total_variation(noise) < 0.6 * total_variation(rough)
    assert torch.corrcoef(noise.transpose(0, 1).flatten(1)).min() > 0.7


def test_the_rate_falls_to_nothing(teacher, tmp_path, monkeypatch):
    monkeypatch.setattr(synthesis, "_falling", lambda share: 0.0)
    still = made(teacher, tmp_path / "still")
    monkeypatch.setattr(synthesis, "_falling", lambda share: 1.0 if share == 0 else 0.0)
    first = made(teacher, tmp_path / "first")
    monkeypatch.undo()
    whole = made(teacher, tmp_path / "whole")
    gaps = [np.abs(x.images.astype(int) - still.images).mean() for x in (still, first, whole)]
    assert gaps[0] == 0 < gaps[1] < gaps[2]


def test_they_repeat_and_are_not_made_twice(teacher, tmp_path, monkeypatch):
    one, other = made(teacher, tmp_path / "a"), made(teacher, tmp_path / "b")
    np.testing.assert_array_equal(one.images, other.images)
    monkeypatch.setattr(synthesis, "_batch", None)  # would be an error to call
    again = made(teacher, tmp_path / "a")
    np.testing.assert_array_equal(one.images, again.images)
    assert (again.seconds, again.passes) == (one.seconds, one.passes)
    with pytest.raises(TypeError):
        made(teacher, tmp_path / "a", seed=1)


def test_a_stop_costs_one_batch_at_most(teacher, tmp_path, monkeypatch):
    monkeypatch.setattr(synthesis, "BATCH", 4)
    seen = []

    def tick(done, total):
        seen.append(done)
        if len(seen) == 13:  # in the second of three batches
            raise KeyboardInterrupt

    recipe = Recipe(images=12, iterations=10)
    with pytest.raises(KeyboardInterrupt):
        synthesise(teacher, FRAME, 3, recipe, tmp_path, CPU, tick)
    rest = []
    resumed = synthesise(teacher, FRAME, 3, recipe, tmp_path, CPU, lambda d, t: rest.append(d))
    assert rest == [*range(10, 31)]
    whole = synthesise(teacher, FRAME, 3, recipe, tmp_path / "whole", CPU)
    np.testing.assert_array_equal(resumed.images, whole.images)


def test_a_network_without_batch_norms_is_refused(tmp_path):
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(1, 4), nn.Flatten())
    with pytest.raises(ConfigError) as caught:
        made(net, tmp_path)
    assert caught.value.code == "no_batch_norms"
    assert norms_of(build_model(TEACHER, 3, 3, 16, seed=0))


def test_a_sheet_has_one_class_a_row():
    images = np.arange(4, dtype=np.uint8)[:, None, None, None] * np.ones((1, 3, 2, 2), np.uint8)
    page = sheet(images, [1, 0, 1, 0])
    assert page[1:3, 1:3].max() == 1  # the first image of class 0
    assert page[4:6, 4:6].min() == 2  # the second of class 1
