import math

import pytest
import torch

from kd_core.config import DataSettings, DistilSettings, LossTerm, Ramp
from kd_core.errors import ConfigError, TrainError
from kd_core.losses import LOSSES, objective
from kd_core.losses.spec import needs_teacher
from kd_core.train import optim
from kd_core.train.checkpoint import load, weights_hash
from kd_core.train.loop import CHECKPOINT
from kd_core.train.teacher_cache import FEW
from tests.helpers_data import tiny_data
from tests.helpers_hint import hint_spec
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


def taught_by(name, weight=None):
    """Settings for a loss with a published weight, in the plainest mode that can feed it."""
    entry = LOSSES[name]
    if entry.family != "response":
        weight = weight or (entry.range or (1.0, 1.0))[0]
    mode = "offline" if needs_teacher(entry.needs) else "alone"
    return DistilSettings(mode=mode, losses=(LossTerm(name=name, weight=weight),))


@pytest.mark.parametrize(("name", "task"), [(n, t) for n, e in LOSSES.items() for t in e.tasks])
def test_every_loss_trains_and_leaves_a_student_like_any_other(tmp_path, name, task):
    settings = taught_by(name)
    run = tiny_run(distil=settings, views=2, epochs=1)
    teacher = TinyNet(width=16, seed=9) if settings.mode == "offline" else None
    result = tiny_fit(run, tiny_data(task), tmp_path / "run", teacher=teacher)
    last = result.history[-1]
    weights = objective(settings, task).weights
    total = sum(weight * last[f"loss.{part}"] for part, weight in weights.items())
    assert last["loss.total"] == pytest.approx(total, rel=1e-4)
    plain = TinyNet()
    assert result.network.state_dict().keys() == plain.state_dict().keys()
    assert result.initial_sha256 == weights_hash(plain.state_dict())
    if LOSSES[name].helper is not None:
        saved = load(tmp_path / "run" / CHECKPOINT)["mode"]["learners"]["student"]
        assert all(key.startswith(f"{name}.") for key in saved["helpers"])


def test_helpers_of_weight_zero_leave_the_baseline_bit_for_bit(tmp_path, monkeypatch):
    monkeypatch.setitem(LOSSES._entries, "hint", hint_spec())  # it draws noise at every step
    terms = (LossTerm(name="hint", weight=0.0),)
    student, _ = distil(tmp_path, DistilSettings(losses=terms), "student")
    baseline = tiny_fit(tiny_run(views=2, data=FLIPS), tiny_data(), tmp_path / "baseline")
    assert student.initial_sha256 == baseline.initial_sha256
    assert equal_weights(student.network, baseline.network)


def test_helpers_learn_with_the_student(tmp_path, monkeypatch):
    monkeypatch.setitem(LOSSES._entries, "hint", hint_spec())
    terms = (LossTerm(name="hint", weight=1.0),)
    for epochs in (1, 4):
        distil(tmp_path, DistilSettings(losses=terms), f"run{epochs}", epochs=epochs)
    one, four = (
        load(tmp_path / f"run{epochs}" / CHECKPOINT)["mode"]["learners"]["student"]["helpers"]
        for epochs in (1, 4)
    )
    assert set(one) == {"hint.layers.0.weight", "hint.layers.0.bias", "hint.memory"}
    assert not torch.equal(one["hint.layers.0.weight"], four["hint.layers.0.weight"])
    assert one["hint.memory"].sum() * 4 == four["hint.memory"].sum() == 4 * 48


def test_a_part_that_is_no_number_is_named(tmp_path, monkeypatch):
    broken = hint_spec(forms={"classification": lambda i, p: i.student_features[0].sum() / 0})
    monkeypatch.setitem(LOSSES._entries, "hint", broken)
    terms = (LossTerm(name="kd"), LossTerm(name="hint", weight=1.0))
    with pytest.raises(TrainError) as caught:
        distil(tmp_path, DistilSettings(losses=terms), "run")
    assert (caught.value.code, caught.value.fields["part"]) == ("loss_nan", "hint")


def test_half_precision_reaches_the_helpers_as_32_bits(tmp_path, monkeypatch):
    monkeypatch.setattr(optim, "amp_type", lambda train, device: torch.bfloat16)
    terms = tuple(LossTerm(name=name, weight=1.0) for name in ("review", "vid", "crd"))
    settings = DistilSettings(losses=terms, teacher_outputs="live")
    result, _ = distil(tmp_path, settings, "run", views=None, epochs=2)
    assert all(math.isfinite(result.history[-1][f"loss.{term.name}"]) for term in terms)
    assert all(p.dtype == torch.float32 for p in result.network.parameters())


def test_what_changes_over_the_budget_is_in_the_history(tmp_path):
    settings = DistilSettings(
        alpha=0.2, ramps=(Ramp(of="alpha", end=1.0), Ramp(of="kd.T", end=1.0))
    )
    result, _ = distil(tmp_path, settings, "run", epochs=3)  # 18 steps; epochs end at 5, 11, 17
    assert [row["set.alpha"] for row in result.history] == pytest.approx(
        [0.2 + 0.8 * step / 17 for step in (5, 11, 17)]
    )
    assert result.history[-1]["set.kd.T"] == 1.0
    plain, _ = distil(tmp_path, DistilSettings(), "plain", epochs=1)
    assert not [name for name in plain.history[0] if name.startswith("set.")]


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
