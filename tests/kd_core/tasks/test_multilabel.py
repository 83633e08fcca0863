import torch
import torch.nn.functional as F
from torchvision.ops import sigmoid_focal_loss

from kd_core.tasks.multilabel import binary_cross_entropy, class_weights, sample_weights
from kd_core.tasks.spec import Weighting

torch.manual_seed(0)
LOGITS = torch.randn(6, 4)
TARGETS = (torch.rand(6, 4) < 0.4).float()
UNKNOWN = torch.zeros(6, 4, dtype=torch.bool)
UNKNOWN[0, 1] = UNKNOWN[3, 3] = UNKNOWN[5, 0] = True


def test_agrees_with_torch_with_and_without_positive_weights():
    weights = torch.tensor([1.0, 2.0, 3.0, 0.5])
    plain = binary_cross_entropy({"logits": LOGITS}, TARGETS, Weighting())
    torch.testing.assert_close(plain, F.binary_cross_entropy_with_logits(LOGITS, TARGETS))
    ours = binary_cross_entropy({"logits": LOGITS}, TARGETS, Weighting(class_weights=weights))
    theirs = F.binary_cross_entropy_with_logits(LOGITS, TARGETS, pos_weight=weights)
    torch.testing.assert_close(ours, theirs)


def test_focal_agrees_with_torchvision():
    ours = binary_cross_entropy({"logits": LOGITS}, TARGETS, Weighting(gamma=2.0))
    theirs = sigmoid_focal_loss(LOGITS, TARGETS, alpha=-1, gamma=2.0, reduction="mean")
    torch.testing.assert_close(ours, theirs)


def test_smoothing_moves_labels_towards_one_half():
    ours = binary_cross_entropy({"logits": LOGITS}, TARGETS, Weighting(label_smoothing=0.2))
    theirs = F.binary_cross_entropy_with_logits(LOGITS, TARGETS * 0.8 + 0.1)
    torch.testing.assert_close(ours, theirs)


def test_unknown_labels_neither_count_nor_get_gradient():
    logits = LOGITS.clone().requires_grad_()
    targets = TARGETS.masked_fill(UNKNOWN, torch.nan)
    loss = binary_cross_entropy({"logits": logits}, targets, Weighting(gamma=2.0))
    loss.backward()
    known = binary_cross_entropy(
        {"logits": LOGITS[~UNKNOWN][None]}, TARGETS[~UNKNOWN][None], Weighting(gamma=2.0)
    )
    torch.testing.assert_close(loss.detach(), known)
    assert (logits.grad[UNKNOWN] == 0).all()
    assert (logits.grad[~UNKNOWN] != 0).all()


def test_positive_weight_is_negatives_over_positives_of_known_labels():
    targets = torch.tensor([[1, 0.0], [0, 0], [torch.nan, 0], [0, 0]])
    assert class_weights(targets, 2).tolist() == [2.0, 4.0]


def test_an_image_is_as_rare_as_its_rarest_finding():
    targets = torch.tensor([[1, 0.0], [1, 1], [1, 0], [0, torch.nan]])
    torch.testing.assert_close(
        sample_weights(targets), torch.tensor([1 / 3, 1, 1 / 3, 1], dtype=torch.float64)
    )
