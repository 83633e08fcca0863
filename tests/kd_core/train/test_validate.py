import math

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from kd_core.errors import ConfigError, TrainError
from kd_core.train.validate import Rank, Validator, selecting_metric
from tests.helpers_data import tiny_data
from tests.helpers_train import TinyNet, tiny_fit, tiny_run

CPU = torch.device("cpu")


def test_scores_agree_with_scikit_learn_and_torch():
    data, net = tiny_data(n=400), TinyNet()
    beats = []
    scores = Validator(tiny_run(), data, CPU)(net, lambda: beats.append(1))
    part = data.parts["val"]
    mean, std = (np.reshape(values, (3, 1, 1)) for values in (data.mean, data.std))
    images = torch.tensor((part.images / 255 - mean) / std, dtype=torch.float32)
    with torch.no_grad():
        logits = net.eval()(images)["logits"]
    targets = torch.from_numpy(part.targets)
    loss = torch.nn.functional.cross_entropy(logits, targets)
    assert scores["val.loss"] == pytest.approx(loss.item(), rel=1e-5)
    balanced = balanced_accuracy_score(part.targets, logits.argmax(1))
    assert scores["val.balanced_accuracy"] == pytest.approx(balanced, abs=1e-6)
    assert len(beats) == 2
    assert not net.training


def test_unknown_labels_are_left_out():
    data, net = tiny_data("multilabel"), TinyNet()
    scores = Validator(tiny_run(), data, CPU)(net)
    assert math.isfinite(scores["val.loss"])
    part = data.parts["val"]
    mean, std = (np.reshape(values, (3, 1, 1)) for values in (data.mean, data.std))
    images = torch.tensor((part.images / 255 - mean) / std, dtype=torch.float32)
    with torch.no_grad():
        logits = net(images)["logits"].numpy()
    known = ~np.isnan(part.targets)
    aucs = [roc_auc_score(part.targets[k, i], logits[k, i]) for i, k in enumerate(known.T)]
    assert scores["val.macro_auc"] == pytest.approx(np.mean(aucs), abs=1e-6)


def test_metric_of_the_task_unless_another_is_chosen():
    assert selecting_metric(tiny_run(), "classification") == "balanced_accuracy"
    assert selecting_metric(tiny_run(), "multilabel") == "macro_auc"
    assert selecting_metric(tiny_run(select_metric="accuracy"), "classification") == "accuracy"
    with pytest.raises(ConfigError) as caught:
        selecting_metric(tiny_run(select_metric="beauty"), "classification")
    assert caught.value.code == "entry_unknown"


@pytest.mark.parametrize(("metric", "task"), [("mcc", "multilabel"), ("auc", "classification")])
def test_metrics_of_other_tasks_or_one_a_class_cannot_choose(metric, task):
    with pytest.raises(ConfigError) as caught:
        selecting_metric(tiny_run(select_metric=metric), task)
    assert caught.value.code == "select_metric"
    assert metric not in caught.value.fields["known"]


def test_metrics_where_less_is_better_can_choose(tmp_path):
    result = tiny_fit(tiny_run(select_metric="brier"), tiny_data(), tmp_path / "run")
    scores = [row["val.brier"] for row in result.history]
    assert scores.index(min(scores)) == result.best_epoch - 1


def test_no_validation_images():
    data = tiny_data()
    only_train = {"train": data.parts["train"]}
    with pytest.raises(TrainError) as caught:
        Validator(tiny_run(), type(data)(**{**vars(data), "parts": only_train}), CPU)
    assert caught.value.code == "part_empty"


def test_rank_prefers_the_metric_then_the_loss_and_never_what_is_undefined():
    assert Rank.of(0.9, 1.0, True) > Rank.of(0.8, 0.1, True)
    assert Rank.of(0.1, 1.0, False) > Rank.of(0.2, 1.0, False)
    assert Rank.of(0.9, 0.1, True) > Rank.of(0.9, 0.2, True)
    assert not Rank.of(0.9, 0.1, True) > Rank.of(0.9, 0.1, True)
    assert Rank.of(math.nan, 0.1, True) < Rank.of(0.0, 9.0, True)
    assert Rank.of(math.nan, 0.1, False) < Rank.of(5.0, 9.0, False)
    assert Rank.of(math.nan, 0.1, True) > Rank.of(math.nan, 0.2, True)
