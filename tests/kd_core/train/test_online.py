import pytest
import torch
import torch.nn.functional as F

from kd_core.config import DataSettings, DistilSettings, LossTerm, StudySettings, TeacherSettings
from kd_core.errors import ConfigError
from kd_core.study.graph import expand
from kd_core.tasks import TASKS
from kd_core.train import MODES, Outside, Setup, fit
from kd_core.train.online import peer_seed
from tests.helpers_data import tiny_data
from tests.helpers_modes import STUDENT, TEACHER, mode_fit, mode_run, network
from tests.helpers_train import equal_weights, tiny_run

CALM = STUDENT.change(dropout=0.0)
"""Without dropout, so that what one network draws does not depend on the others."""


def built(run, data):
    outside = Outside(make=lambda settings, seed: network(settings, seed, data))
    student = network(run.model, run.seed, data)
    device = torch.device("cpu")
    setup = Setup(run, data, TASKS[data.task], student, None, device, None, None, outside)
    return MODES[run.distil.mode].build(setup)


def test_a_mutual_step_is_two_plain_steps_with_each_others_answers():
    data, run = tiny_data(), mode_run(
        "mutual", params={"students": 2}, model=CALM, grad_clip=0, optimizer="sgd", momentum=0,
        losses=(LossTerm(name="kd", params={"T": 2.0}),),
    )  # fmt: skip
    mode = built(run, data)
    ours = [network(CALM, 0, data), network(CALM, peer_seed(0, 1), data)]
    mode.begin_epoch(0)
    batch = next(mode.batches(0, 0))["train"]
    parts = mode.step({"train": batch})
    logits = [net.train()(batch.images)["logits"] for net in ours]
    for me, other, before in ((0, 1, ""), (1, 0, "peer-1/")):
        soft = (logits[other].detach() / 2).softmax(1)
        log_p = (logits[me] / 2).log_softmax(1)
        kd = 4 * F.kl_div(log_p, soft, reduction="batchmean")
        loss = 0.5 * F.cross_entropy(logits[me], batch.targets) + 0.5 * kd
        torch.testing.assert_close(parts[f"{before}total"], loss)
        loss.backward(retain_graph=True)
    learners = list(mode.learners.values())
    rates = [0.01 / 1, 0.01 / 1]  # the warm-up of 12 steps is one step long
    for net, learner, rate in zip(ours, learners, rates, strict=True):
        for mine, theirs in zip(net.parameters(), learner.network.parameters(), strict=True):
            decay = 0.01 if mine.ndim > 1 else 0.0
            wanted = mine - rate * (mine.grad + decay * mine)
            torch.testing.assert_close(theirs, wanted, rtol=1e-4, atol=1e-6)


def test_the_loss_with_several_peers_is_a_mean_over_them():
    data, run = tiny_data(), mode_run("mutual", params={"students": 3}, model=CALM)
    mode = built(run, data)
    mode.begin_epoch(0)
    batch = next(mode.batches(0, 0))["train"]
    said = [net.network(batch.images)["logits"] for net in mode.learners.values()]
    mode = built(run, data)  # its norms have not seen the batch yet
    mode.begin_epoch(0)
    parts = mode.step({"train": batch})
    from kd_core.losses.response import softmax_kl

    each = [softmax_kl(said[0], other, 4.0) for other in said[1:]]
    torch.testing.assert_close(parts["kd"], sum(each) / 2)


def test_the_teacher_of_a_joint_training_learns_as_if_it_were_alone(tmp_path):
    data, run = tiny_data(), mode_run("joint", model=CALM)
    joint = mode_fit(run, data, tmp_path / "a" / "run")
    teacher = network(TEACHER, peer_seed(0, 1), data)
    alone = tiny_run(data=run.data, model=TEACHER, epochs=2, views=2)
    wanted = fit(alone, data, teacher, folder=tmp_path / "b", cache=tmp_path / "c")
    for row, other in zip(joint.history, wanted.history, strict=True):
        assert row["peer-1/loss.task"] == other["loss.task"]
        assert row["peer-1/val.balanced_accuracy"] == other["val.balanced_accuracy"]
    if joint.best_epoch == wanted.best_epoch:
        assert equal_weights(joint.others["peer-1"].network, wanted.network)
    assert joint.teacher_images == 2 * 48
    assert joint.others["peer-1"].role == "peer"


def test_peers_begin_with_other_weights_and_may_be_other_networks(tmp_path):
    data = tiny_data()
    same = built(mode_run("mutual", params={"students": 2}), data).learners
    assert not equal_weights(same["student"].network, same["peer-1"].network)
    run = mode_run("mutual")
    mixed = run.change(distil=run.distil.change(peers=(TEACHER,)))
    peers = built(mixed, data).others()
    assert [other.network.spec.params["width"] for other in peers.values()] == [8]


def study(arm, **teacher):
    return StudySettings(
        data=DataSettings(dataset="sample"),
        teacher=TeacherSettings(model=TEACHER, **teacher),
        arms=(arm,),
    )


def test_the_graph_gives_a_joint_training_the_studys_teacher_and_needs_nobody():
    arm = {"name": "joint", "distil": DistilSettings(mode="joint")}
    run = expand(study(arm))[-1]
    assert run.distil.peers == (TEACHER,)
    assert run.needs == {}
    with pytest.raises(ConfigError) as caught:
        expand(study(arm, run="r1"))
    assert caught.value.code == "joint_teacher_run"


def test_a_joint_training_without_a_teacher_is_refused(tmp_path):
    run = mode_run("joint")
    with pytest.raises(ConfigError) as caught:
        mode_fit(run.change(distil=run.distil.change(peers=())), tiny_data(), tmp_path / "run")
    assert caught.value.code == "mode_peers"
