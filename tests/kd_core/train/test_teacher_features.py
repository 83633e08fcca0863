import pytest
import torch

from kd_core.config import DataSettings, DistilSettings, LossTerm
from kd_core.errors import JobError
from kd_core.events import Log
from kd_core.losses import LOSSES
from kd_core.train import teacher_features
from kd_core.train.teacher_cache import FEW, FOLDER, drop
from kd_core.train.teacher_features import decide
from tests.helpers_data import tiny_data
from tests.helpers_hint import hint_spec
from tests.helpers_train import TinyNet, equal_weights, tiny_fit, tiny_run

FLIPS = DataSettings(dataset="tiny", size=16, augment="cells")
N, VIEWS = 48, 2
USUAL = {"macs": 10**9, "device": "cpu", "threads": 1, "free": 10**12, "limit": 10**9}
LOOKING = 5  # images that are only seen to learn the shapes of what is inside


@pytest.fixture(autouse=True)
def hints(monkeypatch):
    monkeypatch.setitem(LOSSES._entries, "hint", hint_spec())
    monkeypatch.setitem(LOSSES._entries, "embedding", hint_spec(pooled=True))


class CountingTeacher(TinyNet):
    def __init__(self):
        super().__init__(width=16, seed=9)
        self.seen = 0

    def forward(self, images):
        self.seen += len(images)
        return super().forward(images)


def fit(folder, *names, outputs="cached", teacher=None, **more):
    terms = tuple(LossTerm(name=name, weight=1.0) for name in names)
    distil = DistilSettings(losses=terms, teacher_outputs=outputs)
    settings = {"distil": distil, "views": VIEWS, "data": FLIPS, "epochs": 4, **more}
    extra = {name: settings.pop(name) for name in ("emit", "stop") if name in settings}
    teacher = teacher or CountingTeacher()
    return tiny_fit(tiny_run(**settings), tiny_data(), folder, teacher=teacher, **extra), teacher


@pytest.mark.parametrize(
    ("changes", "source", "why"),
    [
        ({}, "cached", "fits"),
        ({"limit": 10**6}, "live", "large"),
        ({"free": 10**7}, "live", "disk"),
        ({"macs": 10**3}, "live", "quick"),
        ({"device": "cuda", "macs": 10**6}, "live", "quick"),
    ],
)
def test_storing_is_decided_by_size_room_and_pace(changes, source, why):
    plan = decide(4096, 1000, 8, **{**USUAL, **changes})
    assert (plan.source, plan.why) == (source, why)
    assert plan.total_bytes == 4096 * 1000 * 8
    assert plan.msg.id == f"train.features_{why}"


@pytest.fixture
def quick(monkeypatch):
    """The disk is endlessly quick, so that even a tiny teacher's features are stored."""
    monkeypatch.setattr(teacher_features, "READ_BYTES_PER_S", 1e15)


def test_stored_features_teach_what_live_ones_teach(tmp_path, quick):
    stored, _ = fit(tmp_path / "a" / "stored", "kd", "hint")
    live, _ = fit(tmp_path / "b" / "live", "kd", "hint", outputs="live")
    assert (stored.teacher_features, live.teacher_features) == ("cached", "live")
    for one, two in zip(stored.network.parameters(), live.network.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


def test_answers_are_stored_even_where_features_are_not(tmp_path, monkeypatch, quick):
    monkeypatch.setattr(teacher_features, "LIMIT_BYTES", 0)
    events = []
    result, _teacher = fit(tmp_path / "a" / "run", "kd", "hint", emit=events.append)
    stored = sorted(path.name for path in (tmp_path / "a" / "cache").rglob("*.npy"))
    assert stored == ["logits.npy"] * VIEWS
    assert result.teacher_features == "live"
    assert result.teacher_images == VIEWS * N + 4 * N
    assert next(e.msg["id"] for e in events if isinstance(e, Log)) == "train.features_large"
    live, _ = fit(tmp_path / "b" / "live", "kd", "hint", outputs="live")
    for one, two in zip(result.network.parameters(), live.network.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


def test_one_pass_of_the_teacher_fills_all_and_others_share_it(tmp_path, quick):
    first, teacher = fit(tmp_path / "first", "kd", "hint")
    assert first.teacher_images == VIEWS * N
    assert teacher.seen <= 2 * FEW + VIEWS * N + LOOKING
    assert first.teacher_feature_bytes == 4 * 16 * 8 * 8 * N * VIEWS  # (16, 8, 8) at 32 bits
    other, _ = fit(tmp_path / "other", "hint", seed=5)
    assert other.teacher_images == 0
    pooled, _ = fit(tmp_path / "pooled", "embedding")  # another place: only its own is computed
    assert pooled.teacher_images == VIEWS * N
    assert pooled.teacher_feature_bytes == 4 * 16 * N * VIEWS


def test_stored_features_are_dropped_with_the_data_set(tmp_path, quick):
    fit(tmp_path / "run", "hint")
    root = tmp_path / "cache"
    assert list((root / FOLDER).rglob("norm.npy"))
    assert drop(root, tiny_data().hash) > 4 * 16 * 8 * 8 * N * VIEWS
    assert not list(root.rglob("*.npy"))


def test_a_run_that_goes_on_stays_with_its_decision(tmp_path, monkeypatch, quick):
    whole, _ = fit(tmp_path / "a" / "whole", "hint")
    asked = []

    def stop():
        asked.append(1)
        return "paused" if len(asked) == 9 else None

    with pytest.raises(JobError):
        fit(tmp_path / "b" / "run", "hint", stop=stop)
    monkeypatch.setattr(teacher_features, "free_bytes", lambda path: 0)  # filled up meanwhile
    resumed, _ = fit(tmp_path / "b" / "run", "hint")
    assert resumed.teacher_features == "cached"
    assert equal_weights(resumed.network, whole.network)
