import csv
from dataclasses import replace

import numpy as np
import pytest
import torch

from kd_core.errors import ConfigError, DataError, TrainError
from kd_core.events import Log
from kd_core.tasks import TASKS
from kd_core.train import Outside, Setup, unlabelled
from kd_core.train.unlabelled import TABLE, candidates, pseudo_labels, read_table
from tests.helpers_data import tiny_data
from tests.helpers_modes import STUDENT, TEACHER, mode_fit, mode_run, network, other_images
from tests.helpers_train import equal_weights


def setup_of(run, data, tmp_path, load=None):
    outside = Outside(load=load or (lambda name: other_images(data)))
    device = torch.device("cpu")
    nets = network(STUDENT, 0, data), network(TEACHER, 90, data)
    tick = lambda *args: None  # noqa: E731
    return Setup(run, data, TASKS[data.task], *nets, device, tmp_path, tick, outside, tmp_path)


def wrong_labels(data, rows=None):
    """The same images with other labels in the training part."""
    train = data.parts["train"]
    targets = train.targets.copy()
    rows = np.arange(len(train)) if rows is None else rows
    targets[rows] = (targets[rows] + 1) % 3 if data.task == "classification" else 0
    return replace(data, parts={**data.parts, "train": replace(train, targets=targets)})


@pytest.mark.parametrize("task", ["classification", "multilabel"])
@pytest.mark.parametrize("targets", ["pseudo", "soft"])
def test_true_labels_of_unlabelled_images_change_nothing(tmp_path, task, targets):
    data = tiny_data(task)
    run = mode_run("unlabelled", params={"targets": targets})
    aside = candidates(setup_of(run, data, tmp_path))[0].rows
    assert len(aside) == 24
    one = mode_fit(run, data, tmp_path / "a" / "run")
    two = mode_fit(run, wrong_labels(data, aside), tmp_path / "b" / "run")
    assert equal_weights(one.network, two.network)
    all_wrong = mode_fit(run, wrong_labels(data), tmp_path / "c" / "run")
    assert equal_weights(one.network, all_wrong.network) == (targets == "soft")


def test_the_student_learns_the_teachers_labels_and_they_are_written_down(tmp_path):
    data, run = tiny_data(), mode_run("unlabelled", params={"labelled": False})
    mode = unlabelled.Unlabelled(setup_of(run, data, tmp_path))
    teacher = network(TEACHER, 90, data).eval()
    rows = list(csv.DictReader((tmp_path / TABLE).read_text().splitlines()))
    assert len(rows) == 24
    assert [row["kept"] for row in rows] == ["1"] * 24
    mode.begin_epoch(0)
    for batches in mode.batches(0, 0):
        batch = batches["train"]
        ids = [mode.loader.pixels.part.ids[i] for i in batch.index]
        images = torch.stack(
            [torch.from_numpy(data.parts["train"].images[int(name[6:9])]) for name in ids]
        )
        mean, std = (torch.tensor(v).view(-1, 1, 1) for v in (data.mean, data.std))
        with torch.no_grad():
            said = teacher((images / 255 - mean) / std)["logits"].argmax(1)
        assert torch.equal(batch.targets, said)
    assert mode.facts["unlabelled"] == mode.facts["kept"] == 24
    assert mode.facts["labelled"] == 0
    table = read_table(tmp_path / TABLE)
    true = {name: t for name, t in zip(data.parts["train"].ids, data.parts["train"].targets,
                                       strict=True)}  # fmt: skip
    right = np.mean([table[name][0] == true[name] for name in table])
    assert mode.facts["pseudo_correct"] == pytest.approx(right, abs=1e-4)


def test_images_that_are_tested_or_chosen_on_are_left_out_and_counted(tmp_path):
    data = tiny_data()
    other = other_images(data).parts["train"]
    images = other.images.copy()
    images[3], images[5] = data.parts["test"].images[0], data.parts["val"].images[2]
    again = data.parts["test"].images[4].astype(int) + 3  # the same image, a little brighter
    images[7] = again.clip(0, 255)
    stolen = replace(other_images(data), parts={"train": replace(other, images=images)})
    run = mode_run("unlabelled", params={"dataset": "other"})
    events = []
    result = mode_fit(run, data, tmp_path / "whole" / "run", emit=events.append)
    assert (result.facts["unlabelled"], result.facts["left_out"]) == (40, 0)
    assert result.facts["labelled"] == 48
    logged = [e.msg for e in events if isinstance(e, Log) and e.msg["id"] == "unlabelled.kept"]
    assert logged[0]["params"] == {
        "n": 40, "kept": 40, "seen": 0, "near": 0, "labelled": 48
    }  # fmt: skip
    mode = unlabelled.Unlabelled(setup_of(run, data, tmp_path, load=lambda name: stolen))
    assert (mode.facts["unlabelled"], mode.facts["left_out"]) == (37, 3)
    assert mode.facts["near_copies"] == 1
    names = set(mode.loader.pixels.part.ids)
    assert not {f"other/{other.ids[row]}" for row in (3, 5, 7)} & names


def test_only_sure_answers_become_labels():
    p = torch.tensor([[0.97, 0.02, 0.01], [0.5, 0.3, 0.2]])
    said = pseudo_labels(p, TASKS["classification"], 0.9)
    assert said.kept.tolist() == [True, False]
    several = pseudo_labels(torch.tensor([[0.95, 0.5], [0.05, 0.2], [0.6, 0.5]]),
                            TASKS["multilabel"], 0.9)  # fmt: skip
    np.testing.assert_array_equal(several.targets[:2], [[1, np.nan], [0, np.nan]])
    assert several.kept.tolist() == [True, True, False]


def test_targets_that_are_not_the_teachers_stop_the_run(tmp_path, monkeypatch):
    data, run = tiny_data(), mode_run("unlabelled")

    def swapped(path, found, answers):
        original(path, found, replace(answers, targets=(answers.targets + 1) % 3))

    original = unlabelled.write_table
    monkeypatch.setattr(unlabelled, "write_table", swapped)
    with pytest.raises(TrainError) as caught:
        unlabelled.Unlabelled(setup_of(run, data, tmp_path))
    assert caught.value.code == "unlabelled_other_targets"


def test_what_cannot_be_learned_from_is_refused(tmp_path):
    data = tiny_data()
    unsure = mode_run("unlabelled", params={"confidence": 1.0})
    with pytest.raises(DataError) as caught:
        mode_fit(unsure, data, tmp_path / "a")
    assert caught.value.code == "unlabelled_nothing_kept"
    assert caught.value.fields["n"] == 24
    run = mode_run("unlabelled", params={"dataset": "grey"})
    grey = setup_of(run, data, tmp_path, load=lambda name: tiny_data(channels=1))
    with pytest.raises(DataError) as caught:
        unlabelled.Unlabelled(grey)
    assert caught.value.code == "unlabelled_channels"
    tested = run.change(data=run.data.change(external=("grey",)))
    with pytest.raises(ConfigError) as caught:
        unlabelled.Unlabelled(setup_of(tested, data, tmp_path))
    assert caught.value.code == "unlabelled_external"


def test_the_teachers_passes_are_counted(tmp_path):
    result = mode_fit(mode_run("unlabelled"), tiny_data(), tmp_path / "run")
    assert result.teacher_images == 24 + 2 * 48  # the pool, then two views of all images


def test_neither_labels_nor_losses_is_refused(tmp_path):
    run = mode_run("unlabelled", params={"targets": "soft"}, losses=())
    with pytest.raises(ConfigError) as caught:
        mode_fit(run, tiny_data(), tmp_path / "run")
    assert caught.value.code == "unlabelled_no_loss"
