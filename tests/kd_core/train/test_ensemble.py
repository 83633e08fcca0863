import json
import math

import pytest
import torch

from kd_core.config import Arm, DataSettings, DistilSettings, StudySettings, TeacherSettings
from kd_core.errors import ConfigError
from kd_core.study.graph import expand
from kd_core.tasks import TASKS
from kd_core.train import Outside, fit
from kd_core.train.checkpoint import network_hash
from kd_core.train.ensemble import Committee, certainty, members_of
from kd_core.train.validate import Validator
from tests.helpers_data import tiny_data
from tests.helpers_modes import STUDENT, TEACHER, mode_fit, mode_run, network

IMAGES = torch.randn(6, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def members(n: int = 3, task: str = "classification"):
    return [network(TEACHER, seed, tiny_data(task)).eval() for seed in range(n)]


def answer(task, weights, average, nets):
    several = task == "multilabel"
    committee = Committee(nets, TASKS[task], several, weights, average).eval()
    with torch.no_grad():
        return committee(IMAGES)["logits"], [net(IMAGES)["logits"] for net in nets]


@pytest.mark.parametrize("task", ["classification", "multilabel"])
def test_the_common_answer_is_the_mean_of_logits_or_of_probabilities(task):
    nets, weights = members(task=task), [0.5, 0.3, 0.2]
    logits, each = answer(task, weights, "logits", nets)
    torch.testing.assert_close(logits, sum(w * z for w, z in zip(weights, each, strict=True)))
    logits, each = answer(task, weights, "probabilities", nets)
    p = TASKS[task].probabilities
    torch.testing.assert_close(p(logits), sum(w * p(z) for w, z in zip(weights, each, strict=True)))


def test_by_certainty_each_image_has_weights_of_its_own():
    nets = members()
    logits, each = answer("classification", None, "logits", nets)
    sure = torch.stack([certainty(z, several=False) for z in each])
    wanted = ((sure / sure.sum(0))[..., None] * torch.stack(each)).sum(0)
    torch.testing.assert_close(logits, wanted)
    even = torch.zeros(1, 4)
    assert certainty(even, several=True).item() == pytest.approx(0.0, abs=1e-6)
    p = torch.tensor([[0.7, 0.2, 0.1]])
    entropy = -sum(x * math.log(x) for x in (0.7, 0.2, 0.1))
    assert certainty(p.log(), several=False).item() == pytest.approx(1 - entropy / math.log(3))


def test_one_member_is_plain_offline_distillation(tmp_path):
    data = tiny_data()
    one = mode_fit(mode_run("ensemble"), data, tmp_path / "a" / "run", teachers=1)
    offline = mode_fit(mode_run("offline"), data, tmp_path / "b" / "run", teachers=1)
    for row, other in zip(one.history, offline.history, strict=True):
        assert row["loss.kd"] == pytest.approx(other["loss.kd"], rel=1e-5)
    assert one.teacher_images == offline.teacher_images


@pytest.mark.parametrize("live", [False, True])
def test_every_members_passes_are_counted(tmp_path, live):
    run = mode_run("ensemble", live=live)
    result = mode_fit(run, tiny_data(), tmp_path / "run", teachers=3)
    assert result.teacher_images == 3 * 2 * 48
    assert result.facts["teachers"] == 3
    assert result.facts["teacher_weights"] == [0.3333] * 3


def test_weights_by_validation_follow_the_scores(tmp_path):
    data = tiny_data()
    run = mode_run("ensemble", params={"weights": "validation"})
    result = mode_fit(run, data, tmp_path / "run", teachers=3)
    validator = Validator(run, data, torch.device("cpu"))
    scores = [validator(network(TEACHER, 90 + n, data))["val.balanced_accuracy"] for n in range(3)]
    wanted = [score / sum(scores) for score in scores]
    assert result.facts["teacher_weights"] == pytest.approx(wanted, abs=1e-4)


def graph(params, peers=(), seeds=(0, 1), **teacher):
    distil = DistilSettings(mode="ensemble", params=params, peers=peers)
    study = StudySettings(
        data=DataSettings(dataset="sample"),
        teacher=TeacherSettings(model=TEACHER, **teacher),
        arms=(Arm(name="all", distil=distil),),
        seeds=seeds,
    )
    return {run.key: run for run in expand(study)}


def test_teachers_are_further_seeds_other_networks_and_finished_runs():
    found = graph({"teachers": 2, "runs": "r1, r2"}, peers=(STUDENT,))
    wanted = ["teacher-s0", "teacher-s1", "all-teacher1-s0", "run:r1", "run:r2"]
    assert list(members_of(found["all-s1"].needs).values()) == wanted
    assert found["all-s0"].needs == found["all-s1"].needs
    assert found["teacher-s1"].train == found["teacher-s0"].train
    assert [found["all-teacher1-s0"].role, found["all-teacher1-s0"].model] == ["teacher", STUDENT]


def test_a_teacher_for_each_seed_gives_committees_without_a_common_member():
    found = graph({"teachers": 3}, per_seed=True)
    assert not set(found["all-s0"].needs.values()) & set(found["all-s1"].needs.values())
    finished = graph({"teachers": 3}, run="r9")
    assert finished["all-s0"].needs == {"teacher": "run:r9"}


def test_a_teacher_of_other_classes_is_refused(tmp_path):
    data = tiny_data()
    other = network(TEACHER, 0, tiny_data(classes=4))
    outside = Outside(teachers={"teacher": network(TEACHER, 1, data), "teacher-2": other})
    with pytest.raises(ConfigError) as caught:
        fit(mode_run("ensemble"), data, network(STUDENT, 0, data), folder=tmp_path / "run",
            cache=tmp_path / "cache", outside=outside)  # fmt: skip
    assert caught.value.fields == {"teacher": "teacher-2", "got": 4, "need": 3}


def test_stored_answers_name_every_member(tmp_path):
    data = tiny_data()
    mode_fit(mode_run("ensemble"), data, tmp_path / "run", teachers=2)
    (key,) = tmp_path.glob("**/teacher_outputs/*/key.json")
    members = [network(TEACHER, 90 + n, data).eval() for n in range(2)]
    assert json.loads(key.read_text())["members"] == [network_hash(one) for one in members]
