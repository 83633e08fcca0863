import pytest
import torch

from kd_core.config import DataSettings, DistilSettings
from kd_core.errors import ConfigError, TrainError
from kd_core.train.teacher_cache import FEW
from tests.helpers_data import tiny_data
from tests.helpers_train import TinyNet, equal_weights, tiny_fit, tiny_run

FLIPS = DataSettings(dataset="tiny", size=16, augment="cells")
CACHED, LIVE = DistilSettings(), DistilSettings(teacher_outputs="live")


class CountingTeacher(TinyNet):
    """Counts the images that it is shown."""

    def __init__(self, n_outputs: int = 3):
        super().__init__(n_outputs, width=16, seed=9)
        self.seen = 0

    def forward(self, images):
        assert not self.training
        self.seen += len(images)
        return super().forward(images)


def distil(tmp_path, settings, name, task="classification", teacher=None, **changes):
    run = tiny_run(**{"distil": settings, "views": 2, "data": FLIPS, **changes})
    teacher = teacher or CountingTeacher()
    return tiny_fit(run, tiny_data(task), tmp_path / name, teacher=teacher), teacher


@pytest.mark.parametrize("task", ["classification", "multilabel"])
def test_cached_and_live_outputs_teach_the_same(tmp_path, task):
    cached, _ = distil(tmp_path, CACHED, "cached", task)
    live, _ = distil(tmp_path, LIVE, "live", task)
    for one, two in zip(cached.network.parameters(), live.network.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)
    assert cached.history[-1]["loss.kd"] == pytest.approx(live.history[-1]["loss.kd"], rel=1e-4)


def test_the_teacher_is_asked_once_for_each_stored_view(tmp_path):
    first, teacher = distil(tmp_path, CACHED, "first", epochs=5)
    assert teacher.seen == FEW + 2 * 48
    assert first.teacher_images == 2 * 48
    assert first.teacher_seconds > 0
    # another seed and another arm share the views, so they ask nothing
    other, teacher = distil(tmp_path, DistilSettings(alpha=0.1), "other", seed=5, epochs=5)
    assert (teacher.seen, other.teacher_images, other.teacher_seconds) == (FEW, 0, 0.0)


def test_views_are_filled_only_when_an_epoch_needs_them(tmp_path):
    _, teacher = distil(tmp_path, CACHED, "short", views=50, epochs=2)
    assert teacher.seen == FEW + 2 * 48


def test_a_live_teacher_is_asked_at_every_step(tmp_path):
    result, teacher = distil(tmp_path, LIVE, "live", views=None, epochs=2)
    assert teacher.seen == result.teacher_images == 2 * 48


def test_alpha_one_is_the_baseline_bit_for_bit(tmp_path):
    student, _ = distil(tmp_path, DistilSettings(alpha=1.0), "student")
    baseline = tiny_fit(tiny_run(views=2, data=FLIPS), tiny_data(), tmp_path / "baseline")
    assert student.initial_sha256 == baseline.initial_sha256
    assert equal_weights(student.network, baseline.network)


def test_the_teacher_is_not_changed(tmp_path):
    teacher = CountingTeacher()
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    distil(tmp_path, LIVE, "live", teacher=teacher)
    assert all(torch.equal(before[name], value) for name, value in teacher.state_dict().items())


def test_fresh_views_cannot_be_stored(tmp_path):
    with pytest.raises(ConfigError) as caught:
        distil(tmp_path, CACHED, "run", views=None)
    assert caught.value.code == "cache_without_views"


def test_a_broken_teacher_is_named_and_nothing_is_stored(tmp_path):
    teacher = CountingTeacher()
    torch.nn.init.constant_(teacher.head.bias, torch.nan)
    with pytest.raises(TrainError) as caught:
        distil(tmp_path, CACHED, "run", teacher=teacher)
    assert caught.value.code == "teacher_nan"
    assert not list((tmp_path / "cache").rglob("*.npy"))
