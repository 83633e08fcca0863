"""What a student minimises: one file a family, one entry a method."""

from kd_core.losses import response, response_correlation, response_logits, response_target
from kd_core.losses.combine import Objective, Term, objective
from kd_core.losses.spec import LOSSES, Inputs, LossSpec

__all__ = [
    "LOSSES",
    "Inputs",
    "LossSpec",
    "Objective",
    "Term",
    "objective",
    "response",
    "response_correlation",
    "response_logits",
    "response_target",
]
