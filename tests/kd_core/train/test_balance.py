import pytest
import torch

from kd_core.config import DistilSettings, LossTerm
from kd_core.events import Log
from kd_core.losses import LOSSES
from kd_core.train import balance
from kd_core.train.balance import BALANCE, Scales, balance_of, messages, read_balance
from tests.helpers_data import tiny_data
from tests.helpers_hint import hint_spec
from tests.helpers_train import TinyNet, equal_weights, tiny_fit, tiny_run

HINT = DistilSettings(losses=(LossTerm(name="kd"), LossTerm(name="hint", weight=1000.0)))


@pytest.fixture(autouse=True)
def hints(monkeypatch):
    monkeypatch.setitem(LOSSES._entries, "hint", hint_spec())


def fit(folder, distil=HINT, **more):
    run = tiny_run(distil=distil, views=2)
    return tiny_fit(run, tiny_data(), folder, teacher=TinyNet(width=16, seed=9), **more)


def test_weighing_changes_nothing_of_the_training(tmp_path, monkeypatch):
    weighed = fit(tmp_path / "weighed")
    assert (tmp_path / "weighed" / BALANCE).exists()
    monkeypatch.setattr(balance, "STEPS", 0)
    plain = fit(tmp_path / "plain")
    assert not (tmp_path / "plain" / BALANCE).exists()
    assert equal_weights(weighed.network, plain.network)
    parts = [name for name in plain.history[0] if name.startswith(("loss.", "val."))]
    for one, two in zip(weighed.history, plain.history, strict=True):
        assert [one[name] for name in parts] == [two[name] for name in parts]


def test_figures_are_those_of_separate_backward_passes():
    network = TinyNet().eval()
    logits = network(torch.randn(4, 3, 16, 16))["logits"]
    parts = {"task": logits.square().mean(), "kd": 3 * logits.square().mean(), "up": logits.sum()}
    scales = Scales(steps=1)
    scales.add({**parts, "total": sum(parts.values())}, network, {"task": 0.5, "kd": 2, "up": 0})
    assert scales.full
    found = scales.balance().parts
    norms = {}
    for name, part in parts.items():
        network.zero_grad()
        part.backward(retain_graph=True)
        norms[name] = torch.cat([p.grad.flatten() for p in network.parameters()]).norm().item()
        assert found[name].gradient == pytest.approx(norms[name], rel=1e-5)
        assert found[name].size == pytest.approx(part.item(), rel=1e-5)
    assert found["kd"].pull == pytest.approx(2 * 3 / 0.5, rel=1e-5)
    assert found["kd"].size_ratio == pytest.approx(2 * 3 / 0.5, rel=1e-5)
    assert found["kd"].agreement == pytest.approx(1.0, abs=1e-5)
    assert found["task"].pull == pytest.approx(1.0)
    assert found["up"].verdict == "fair"  # without a weight it can drown nothing


def mean(size=1.0, gradient=1.0):
    return {"size": size, "gradient": gradient, "cosine": 0.0}


@pytest.mark.parametrize(
    ("weight", "verdict"),
    [(1000.0, "drowns"), (11.0, "drowns"), (9.0, "fair"), (0.11, "fair"), (0.09, "drowned")],
)
def test_a_suggestion_makes_both_pull_alike(weight, verdict):
    means = {"task": mean(), "hint": mean()}
    part = balance_of(means, {"task": 1.0, "hint": weight}, 2).parts["hint"]
    assert part.verdict == verdict
    if verdict == "fair":
        assert part.suggested is None
    else:
        again = balance_of(means, {"task": 1.0, "hint": part.suggested}, 2).parts["hint"]
        assert again.pull == pytest.approx(1.0, rel=0.05)


def test_without_labels_there_is_nothing_to_compare_with():
    found = balance_of({"kd": mean()}, {"task": 1.0, "kd": 1.0}, 2)
    assert found.parts["kd"].pull is None
    assert messages(found) == []
    weightless = balance_of({"task": mean(), "kd": mean()}, {"task": 0.0, "kd": 1.0}, 2)
    assert weightless.parts["kd"].verdict == "fair"


def test_a_part_that_is_no_number_is_left_to_the_loop():
    found = balance_of({"task": mean(), "kd": mean(float("nan"))}, {"task": 1, "kd": 1}, 1)
    assert set(found.parts) == {"task"}


def test_it_is_told_and_kept(tmp_path):
    events = []
    fit(tmp_path / "run", emit=events.append)
    kept = read_balance(tmp_path / "run")
    assert kept.steps == 2
    assert list(kept.parts) == ["task", "kd", "hint"]
    assert kept.parts["hint"].verdict == "drowns"
    told = [event for event in events if isinstance(event, Log)]
    warning = next(event for event in told if event.level == "warning")
    assert warning.msg["id"] == "train.balance_drowns"
    assert warning.msg["params"]["suggested"] == kept.parts["hint"].suggested
    assert read_balance(tmp_path) is None


def test_training_alone_is_not_weighed(tmp_path):
    tiny_fit(tiny_run(), tiny_data(), tmp_path / "run")
    assert read_balance(tmp_path / "run") is None
