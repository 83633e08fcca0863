import numpy as np
import torch
import torch.nn.functional as F
from sklearn.utils.class_weight import compute_class_weight

from kd_core.tasks.classification import class_weights, collate, cross_entropy
from kd_core.tasks.spec import Weighting

LOGITS = torch.tensor([[2.0, 0.5, -1.0], [0.1, 0.2, 0.3], [-1.0, 3.0, 0.0]])
TARGETS = torch.tensor([0, 2, 0])


def by_hand(gamma: float, smoothing: float) -> float:
    z = LOGITS.double().numpy()
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    q = np.eye(3)[TARGETS.numpy()] * (1 - smoothing) + smoothing / 3
    return float(-(q * (1 - p) ** gamma * np.log(p)).sum(1).mean())


def test_plain_and_smoothed_cross_entropy_by_hand():
    for smoothing in (0.0, 0.2):
        loss = cross_entropy({"logits": LOGITS}, TARGETS, Weighting(label_smoothing=smoothing))
        np.testing.assert_allclose(loss.item(), by_hand(0.0, smoothing), rtol=1e-6)


def test_focal_loss_by_hand():
    for smoothing in (0.0, 0.2):
        weighting = Weighting(gamma=2.0, label_smoothing=smoothing)
        loss = cross_entropy({"logits": LOGITS}, TARGETS, weighting)
        np.testing.assert_allclose(loss.item(), by_hand(2.0, smoothing), rtol=1e-6)


def test_class_weights_agree_with_scikit_learn_and_torch():
    labels = np.array([0, 0, 0, 1, 2, 2])
    weights = class_weights(torch.from_numpy(labels), 3)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(weights.numpy(), expected, rtol=1e-6)
    ours = cross_entropy({"logits": LOGITS}, TARGETS, Weighting(class_weights=weights))
    torch.testing.assert_close(ours, F.cross_entropy(LOGITS, TARGETS, weight=weights))


def test_an_absent_class_has_a_finite_weight():
    assert class_weights(torch.tensor([0, 0, 1]), 3).isfinite().all()


def test_half_precision_logits_are_computed_in_single():
    loss = cross_entropy({"logits": LOGITS.bfloat16()}, TARGETS, Weighting())
    assert loss.dtype == torch.float32


def test_collate_takes_any_integer_type():
    assert collate(np.array([1, 2], dtype=np.uint8)).dtype == torch.int64
