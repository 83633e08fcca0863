import threading

import numpy as np
import pytest
import torch

from kd_core.config import DataSettings
from kd_core.errors import TrainError
from kd_core.tasks import TASKS
from kd_core.train.loader import Loader, epoch_order, normalisation, read_ahead, view_seed
from tests.helpers_data import tiny_data
from tests.helpers_train import tiny_run

CPU = torch.device("cpu")
FLIPS = DataSettings(dataset="tiny", size=16, augment="cells")


def loader(run, data=None):
    data = data or tiny_data()
    return Loader(run, data, TASKS[data.task], CPU)


def orders(run, epochs=2):
    made = loader(run)
    return [[batch.index.tolist() for batch in made.epoch(epoch)] for epoch in range(epochs)]


def test_order_depends_on_seed_and_epoch_and_on_nothing_else():
    assert orders(tiny_run(seed=1)) == orders(tiny_run(seed=1, views=4, lr=0.5))
    first, second = orders(tiny_run(seed=1))
    assert first != second
    assert first != orders(tiny_run(seed=2))[0]


def test_an_epoch_shows_every_image_once_but_for_the_short_last_batch():
    made = loader(tiny_run(batch_size=10))
    seen = torch.cat([batch.index for batch in made.epoch(0)])
    assert made.steps == 4
    assert len(seen) == len(set(seen.tolist())) == 40
    assert len(set(torch.cat([b.index for e in range(9) for b in made.epoch(e)]).tolist())) == 48


def test_a_set_smaller_than_a_batch_is_one_batch():
    made = loader(tiny_run(batch_size=64))
    assert made.steps == 1
    assert [len(batch) for batch in made.epoch(0)] == [48]


def test_an_epoch_can_begin_in_the_middle():
    made = loader(tiny_run())
    whole, rest = list(made.epoch(1)), list(made.epoch(1, first=4))
    assert len(rest) == 2
    for one, two in zip(whole[4:], rest, strict=True):
        assert torch.equal(one.images, two.images)
        assert torch.equal(one.targets, two.targets)


def test_stored_views_come_round_and_are_the_same_for_every_seed():
    def pixels(seed, epoch):
        made = loader(tiny_run(seed=seed, views=2, data=FLIPS))
        view = next(iter(made.epoch(epoch))).view
        return view, made.pixels(np.arange(48), view)

    (first, a), (second, b), (again, c) = (pixels(0, epoch) for epoch in (0, 1, 2))
    assert (first, second, again) == (0, 1, 0)
    assert not torch.equal(a, b)
    assert torch.equal(a, c)
    assert torch.equal(a, pixels(7, 0)[1])


def test_fresh_views_differ_by_epoch_and_seed():
    assert view_seed(tiny_run(seed=5)) == 5
    assert view_seed(tiny_run(seed=5, views=3)) == 0
    made = loader(tiny_run(data=FLIPS))
    assert [next(iter(made.epoch(epoch))).view for epoch in range(4)] == [0, 1, 2, 3]


def test_pixels_are_normalised_by_the_chosen_statistics():
    data = tiny_data()
    made = loader(tiny_run(), data)
    images = made.pixels(np.arange(48), None)
    assert images.shape == (48, 3, 16, 16)
    torch.testing.assert_close(images.mean((0, 2, 3)), torch.zeros(3), atol=1e-4, rtol=0)
    expected = (
        data.parts["train"].images[5] / 255 - np.reshape(data.mean, (3, 1, 1))
    ) / np.reshape(data.std, (3, 1, 1))
    np.testing.assert_allclose(images[5].numpy(), expected, atol=1e-5)
    imagenet = DataSettings(dataset="tiny", normalise="imagenet")
    assert normalisation(data, imagenet)[0] == (0.485, 0.456, 0.406)
    grey = normalisation(tiny_data(channels=1), imagenet)
    assert [len(values) for values in grey] == [1, 1]


def test_balanced_sampler_draws_rare_images_more_often():
    weights = np.array([1.0] * 90 + [9.0] * 10)
    drawn = np.concatenate([epoch_order(100, 0, epoch, weights) for epoch in range(100)])
    assert (drawn >= 90).mean() == pytest.approx(0.5, abs=0.02)
    assert loader(tiny_run(imbalance="sampler")).weights is not None
    assert loader(tiny_run()).weights is None


def test_one_image_is_too_few():
    with pytest.raises(TrainError) as caught:
        loader(tiny_run(), tiny_data(n=1))
    assert caught.value.code == "too_few_images"


def test_reading_ahead_keeps_order_errors_and_its_thread_to_itself():
    threads = set()

    def make(number):
        threads.add(threading.get_ident())
        return 1 / (3 - number)

    reader = read_ahead(make, range(5))
    assert [next(reader) for _ in range(3)] == [1 / 3, 1 / 2, 1.0]
    with pytest.raises(ZeroDivisionError):
        next(reader)
    assert len(threads) == 1
    assert threading.get_ident() not in threads
    assert list(read_ahead(make, range(0))) == []
