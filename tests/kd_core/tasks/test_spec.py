import numpy as np
import pytest
import torch

from kd_core.config import TrainSettings
from kd_core.evaluate.metrics import METRICS
from kd_core.tasks import TASKS
from tests.helpers_data import tiny_data

CLASSES = ("a", "b", "c")


def targets_of(task: str) -> torch.Tensor:
    return TASKS[task].collate(tiny_data(task).parts["train"].targets)


@pytest.mark.parametrize("task", TASKS)
def test_followed_metrics_exist_for_the_task(task):
    spec = TASKS[task]
    assert spec.select_metric in spec.metrics
    for name in spec.metrics:
        assert task in METRICS[name].tasks


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("imbalance", ["none", "class_weights", "focal", "sampler"])
def test_loss_is_a_finite_scalar_with_gradient_for_every_recipe(task, imbalance):
    spec, targets = TASKS[task], targets_of(task)
    n = spec.n_outputs(CLASSES)
    recipe = TrainSettings(imbalance=imbalance, label_smoothing=0.1)
    logits = torch.randn(len(targets), n, requires_grad=True)
    loss = spec.loss({spec.output: logits}, targets, spec.weighting(targets, n, recipe))
    loss.backward()
    assert loss.ndim == 0
    assert loss.item() > 0
    assert logits.grad.isfinite().all()
    assert logits.grad.abs().sum() > 0


@pytest.mark.parametrize("task", TASKS)
def test_loss_falls_on_the_way_to_the_truth(task):
    spec, targets = TASKS[task], targets_of(task)
    good = targets if targets.ndim == 2 else torch.nn.functional.one_hot(targets, 3)
    logits = torch.nan_to_num(good.float()) * 8 - 4
    weighting = spec.weighting(targets, 3, TrainSettings())
    right = spec.loss({"logits": logits}, targets, weighting)
    assert right < spec.loss({"logits": torch.zeros_like(logits)}, targets, weighting)
    assert spec.loss({"logits": -logits}, targets, weighting) > right


@pytest.mark.parametrize("task", TASKS)
def test_probabilities_keep_shape_and_decode_to_targets(task):
    spec, targets = TASKS[task], targets_of(task)
    probabilities = spec.probabilities(torch.randn(len(targets), 3))
    assert probabilities.shape == (len(targets), 3)
    assert spec.decode(probabilities).shape == targets.shape


@pytest.mark.parametrize("task", TASKS)
def test_weighted_draws_even_out_the_classes(task):
    spec = TASKS[task]
    labels = np.array([0] * 90 + [1] * 9 + [2])
    stored = labels if task == "classification" else np.eye(3, dtype=np.float32)[labels]
    weights = spec.sample_weights(spec.collate(stored)).numpy()
    share = [weights[labels == k].sum() / weights.sum() for k in range(3)]
    np.testing.assert_allclose(share, 1 / 3)
