import pytest
import torch

from kd_core.config import ModelSettings
from kd_core.errors import ConfigError
from kd_core.models import load_checkpoint, save_checkpoint
from kd_core.models.features import features
from kd_core.train.balance import messages, read_balance
from tests.helpers_data import tiny_data
from tests.helpers_modes import STUDENT, mode_fit, mode_run, network
from tests.kd_core.train.test_online import built

LAMBDA = {"exits": 2, "feature_weight": 0.5}


def test_the_total_is_the_last_answers_loss_and_that_of_each_exit():
    data, run = tiny_data(), mode_run("exits", params=LAMBDA)
    mode = built(run, data)
    mode.begin_epoch(0)
    parts = mode.step(next(mode.batches(0, 0)))
    assert set(mode.heads) == {"exit-1", "exit-2"}
    total = parts["task"]
    for name in mode.heads:
        own = 0.5 * parts[f"{name}/task"] + 0.5 * parts[f"{name}/kd"]
        own = own + 0.5 * parts[f"{name}/feature"]
        torch.testing.assert_close(parts[f"{name}/total"], own)
        total = total + own
    torch.testing.assert_close(parts["total"], total)


def test_exits_learn_from_the_last_answer_and_it_does_not_learn_from_them():
    data, run = tiny_data(), mode_run("exits", params=LAMBDA)
    mode = built(run, data)
    mode.begin_epoch(0)
    losses = mode.losses(next(mode.batches(0, 0)))
    head = mode.student.network.network.head.weight
    of_kd, of_task = (
        torch.autograd.grad(losses[name], head, allow_unused=True, retain_graph=True)[0]
        for name in ("exit-1/kd", "task")
    )
    assert of_kd is None
    assert of_task.abs().sum() > 0
    trunk = mode.student.network.network.stem[0].weight
    assert torch.autograd.grad(losses["exit-1/kd"], trunk)[0].abs().sum() > 0


def test_the_balance_is_of_all_exits_together(tmp_path):
    mode_fit(mode_run("exits", params=LAMBDA), tiny_data(), tmp_path / "run")
    balance = read_balance(tmp_path / "run")
    found = balance.parts
    assert list(found) == ["task", "kd", "feature"]
    assert (found["task"].weight, found["kd"].weight, found["feature"].weight) == (1.0, 0.5, 0.5)
    assert min(found["kd"].pull, found["feature"].pull) > 0
    titles = [msg.params["loss"]["id"] for level, msg in messages(balance) if level == "info"]
    assert titles == ["loss.kd.title", "part.feature"]


def test_each_exit_is_a_model_of_its_own_and_the_student_has_none(tmp_path):
    data = tiny_data()
    result = mode_fit(mode_run("exits", params=LAMBDA, lr=0.01), data, tmp_path / "run")
    assert result.network.state_dict().keys() == network(STUDENT, 0, data).state_dict().keys()
    images = torch.randn(5, 3, 16, 16)
    for name, other in result.others.items():
        assert other.role == "exit"
        exit_net = other.network
        path = exit_net.history[-1]["path"]
        with features(result.network, [path]) as caught, torch.no_grad():
            result.network(images)
            wanted = exit_net.network.head(caught[path])[1]  # the same trunk, of the same epoch
            found = exit_net(images)["logits"]
        torch.testing.assert_close(found, wanted)
        save_checkpoint(tmp_path / f"{name}.pt", exit_net)
        again = load_checkpoint(tmp_path / f"{name}.pt")
        with torch.no_grad():
            torch.testing.assert_close(again(images)["logits"], found)
    sizes = [sum(p.numel() for p in o.network.parameters()) for o in result.others.values()]
    assert max(sizes) < sum(p.numel() for p in result.network.parameters()) + sizes[0]


def test_a_network_without_a_stage_on_the_way_is_refused(tmp_path, monkeypatch):
    from kd_core.train import self_exits

    monkeypatch.setattr(self_exits, "stages", lambda *args: [("stages", 4.0)])
    with pytest.raises(ConfigError) as caught:
        mode_fit(mode_run("exits"), tiny_data(), tmp_path / "run")
    assert caught.value.code == "exits_no_stages"
    assert ModelSettings(name="tiny_cnn").name in caught.value.fields["model"]
