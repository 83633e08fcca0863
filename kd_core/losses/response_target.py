"""Response knowledge that treats the true class apart from all others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from kd_core.errors import ConfigError
from kd_core.losses.response import STANDARDISE, logits_of, precise
from kd_core.losses.spec import LOSSES, Inputs, LossSpec
from kd_core.registry import Param


def labels_of(inputs: Inputs, loss: str) -> Tensor:
    """The true labels, for losses that need them.

    Raises:
        ConfigError: ``loss_needs_labels`` for images without labels.
    """
    if inputs.targets is None:
        raise ConfigError("loss_needs_labels", loss=loss)
    return inputs.targets


def target_and_others(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probabilities split at the true class.

    Args:
        logits: z, (N, K), K at least 2; already divided by T.
        targets: True classes, (N,).

    Returns:
        ``log [p_y, 1 − p_y]``, (N, 2), and the log-probabilities of the other classes among
        themselves, ``log (p_k / (1 − p_y))`` for k ≠ y, (N, K − 1) in their order.

    >>> pair, others = target_and_others(torch.zeros(1, 3), torch.tensor([1]))
    >>> pair.exp().round(decimals=3), others.exp()
    (tensor([[0.3330, 0.6670]]), tensor([[0.5000, 0.5000]]))
    """
    n, k = logits.shape
    other = torch.ones_like(logits, dtype=torch.bool).scatter_(1, targets[:, None], False)
    rest = logits[other].view(n, k - 1)  # (N, K − 1)
    pair = torch.stack([logits.gather(1, targets[:, None])[:, 0], rest.logsumexp(1)], 1)  # (N, 2)
    return pair.log_softmax(1), rest.log_softmax(1)


def _kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    return (log_p.exp() * (log_p - log_q)).sum(1)  # (N,)


def decoupled_kl(
    student: Tensor, teacher: Tensor, targets: Tensor, temperature: float, a: float, b: float
) -> Tensor:
    """Decoupled knowledge distillation (DKD), in nats; a mean over images.

    Formula: ``T² · (a · KL(b_t ‖ b_s) + b · KL(p̂_t ‖ p̂_s))``, where b is the true class against
    all others and p̂ are the others among themselves, both at temperature T (Zhao et al. 2022,
    equation 7). Soft targets are the case a = 1, b = 1 − p_t(y): there a sure teacher silences
    what it knows of the other classes, here it does not. With two classes the second term is 0.

    Args:
        student: Logits z_s, (N, K).
        teacher: Logits z_t, (N, K).
        targets: True classes, (N,).
        temperature: T > 0.
        a: Weight of the true class against the rest (the paper's α).
        b: Weight of the rest among themselves (the paper's β).

    >>> z, y = torch.tensor([[2.0, -1.0, 0.5]]), torch.tensor([0])
    >>> decoupled_kl(z, z, y, 4.0, 1.0, 8.0).item()
    0.0
    """
    s_pair, s_others = target_and_others(precise(student) / temperature, targets)
    t_pair, t_others = target_and_others(precise(teacher) / temperature, targets)
    parts = a * _kl(t_pair, s_pair) + b * _kl(t_others, s_others)  # (N,)
    return temperature**2 * parts.mean()


def normalised_ce(
    student: Tensor, teacher: Tensor, targets: Tensor, temperature: float, gamma: float
) -> Tensor:
    """Normalised knowledge distillation (NKD) without its task loss, in nats; a mean over images.

    Formula: ``−p_t(y) · log p_s(y) − γ · T² · Σ_{k≠y} p̂_t,k · log p̂_s,k``: the true class weighed
    by how sure the teacher is, at temperature 1, and the others among themselves at T (Yang et al.
    2023). It is a cross-entropy, so its least value, for a student equal to its teacher, is not 0.

    Args:
        student: Logits z_s, (N, K).
        teacher: Logits z_t, (N, K).
        targets: True classes, (N,).
        temperature: T > 0, of the second term.
        gamma: γ, the weight of the second term.

    >>> z, y = torch.zeros(1, 2), torch.tensor([0])  # ½ · log 2, and one other class: 0
    >>> round(normalised_ce(z, z, y, 1.0, 1.5).item(), 4)
    0.3466
    """
    z_s, z_t = precise(student), precise(teacher)
    s_target = target_and_others(z_s, targets)[0][:, 0]  # (N,), log p_s(y)
    t_target = target_and_others(z_t, targets)[0][:, 0].exp()  # (N,), p_t(y)
    s_others = target_and_others(z_s / temperature, targets)[1]  # (N, K − 1)
    t_others = target_and_others(z_t / temperature, targets)[1].exp()
    others = -(t_others * s_others).sum(1)  # (N,)
    return (-t_target * s_target + gamma * temperature**2 * others).mean()


def _dkd(inputs: Inputs, params: Mapping[str, Any]) -> Tensor:
    logits, targets = logits_of(inputs, params), labels_of(inputs, "dkd")
    return decoupled_kl(*logits, targets, params["T"], params["target"], params["others"])


def _nkd(inputs: Inputs, params: Mapping[str, Any]) -> Tensor:
    logits = inputs.student["logits"], inputs.teacher["logits"]
    return normalised_ce(*logits, labels_of(inputs, "nkd"), params["T"], params["others"])


_T = Param("T", "float", 4.0, low=0.1, high=100.0, step=0.5)
LOSSES.add(
    "dkd",
    LossSpec(
        family="response",
        forms={"classification": _dkd},
        source="Zhao et al. 2022",
        params=(
            _T,
            Param("target", "float", 1.0, low=0.0, high=100.0),
            Param("others", "float", 8.0, low=0.0, high=100.0),
            STANDARDISE,
        ),
    ),
)
LOSSES.add(
    "nkd",
    LossSpec(
        family="response",
        forms={"classification": _nkd},
        source="Yang et al. 2023",
        params=(
            Param("T", "float", 1.0, low=0.1, high=100.0, step=0.5),
            Param("others", "float", 1.5, low=0.0, high=100.0),
        ),
    ),
)
