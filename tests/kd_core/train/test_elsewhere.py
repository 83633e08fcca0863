from dataclasses import replace

import numpy as np
import torch

from kd_core.config import TrainSettings
from kd_core.data.loaded import Part
from kd_core.tasks import TASKS
from kd_core.train import Setup
from kd_core.train.elsewhere import Elsewhere, JoinedImages, content, steps_per_epoch
from tests.helpers_data import tiny_data
from tests.helpers_modes import STUDENT, TEACHER, mode_run, network


def part(n: int, seed: int = 3) -> Part:
    return tiny_data(n=n, seed=seed).parts["train"]


def elsewhere(tmp_path, images: Part, labels: bool = True):
    data, run = tiny_data(), mode_run("offline")
    device = torch.device("cpu")
    student, teacher = network(STUDENT, 0, data), network(TEACHER, 9, data)
    tick = lambda *args: None  # noqa: E731
    setup = Setup(run, data, TASKS[data.task], student, teacher, device, tmp_path, tick)
    return Elsewhere(setup, images, labels)


def test_it_takes_as_many_steps_as_the_baseline(tmp_path):
    few, many = (elsewhere(tmp_path, part(n)) for n in (16, 160))
    assert [few.total_steps, many.total_steps] == [12, 12]
    assert [few.steps_per_epoch, many.steps_per_epoch] == [2, 20]
    assert steps_per_epoch(TrainSettings(batch_size=64), part(16)) == 1


def test_without_labels_a_step_has_no_task_loss(tmp_path):
    mode = elsewhere(tmp_path, part(16), labels=False)
    mode.begin_epoch(0)
    parts = mode.step(next(mode.batches(0, 0)))
    assert set(parts) == {"kd", "total"}
    torch.testing.assert_close(parts["total"], 0.5 * parts["kd"])


def test_stored_answers_of_other_images_are_others(tmp_path):
    one, two = (elsewhere(tmp_path, part(16, seed)) for seed in (3, 4))
    assert one.cache.folder != two.cache.folder
    same = elsewhere(tmp_path, part(16, 3))
    assert same.cache.folder == one.cache.folder
    changed = replace(part(16), targets=part(16).targets[::-1])
    assert content(changed) != content(part(16))
    images = part(16).images.copy()
    images[15] += 1  # beyond the few images whose pixels are in every key
    assert content(replace(part(16), images=images)) != content(part(16))


def test_joined_images_are_gathered_in_the_order_that_is_asked_for():
    a, b = (np.random.default_rng(n).integers(0, 255, (5, 1, 2, 2), np.uint8) for n in (0, 1))
    joined = JoinedImages([(a, np.array([4, 0])), (b, np.array([2]))])
    everything = np.concatenate([a[[4, 0]], b[[2]]])
    for index in ([2, 0, 1], [1], []):
        rows = np.array(index, dtype=np.int64)
        np.testing.assert_array_equal(joined[rows], everything[rows])
    assert joined.shape == (3, 1, 2, 2)
