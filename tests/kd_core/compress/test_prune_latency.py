import pytest

from kd_core.compress import prune_latency
from kd_core.compress.prune_groups import find_groups
from kd_core.compress.prune_latency import latency_left
from tests.helpers_compress import apply, small_resnet, tiny_shop


@pytest.fixture
def trials(monkeypatch):
    """Ratios of trials in which a file's size stands for its time; exports take seconds."""
    ratios = []

    def export(model, path, contract, images):
        path.write_bytes(bytes(sum(p.numel() for p in model.parameters())))

    def by_size(one, other, images, threads):
        ratios.append(one.stat().st_size / other.stat().st_size)
        return ratios[-1]

    monkeypatch.setattr(prune_latency, "export_onnx", export)
    monkeypatch.setattr(prune_latency, "time_ratio", by_size)
    return ratios


def test_a_trial_is_compared_with_the_original_and_leaves_no_file(tmp_path, trials):
    model = small_resnet()
    with latency_left(model, model, tiny_shop(tmp_path)) as left:
        assert left({}) == 1
        assert left({find_groups(model)[0]: {0, 1}}) < 1
    assert not list(tmp_path.rglob("*.onnx"))


def test_a_few_trials_come_near_to_a_time(tmp_path, trials):
    apply("prune_l2", small_resnet(), tiny_shop(tmp_path), target="latency", ratio=0.4)
    assert 2 <= len(trials) <= prune_latency.LATENCY_TRIALS
    assert min(abs(ratio - 0.6) for ratio in trials) < 0.1


def test_a_file_takes_as_long_as_itself(tmp_path):
    shop = tiny_shop(tmp_path)
    path = tmp_path / "model.onnx"
    prune_latency.export_onnx(
        small_resnet(), path, prune_latency._contract(shop), shop.images("val", 2)
    )
    assert prune_latency.time_ratio(path, path, shop.images("val", 1)) > 0
