"""What a student minimises: one file a family, one entry a method."""

from kd_core.losses import response
from kd_core.losses.combine import Objective, Term, objective
from kd_core.losses.spec import LOSSES, Inputs, LossSpec

__all__ = ["LOSSES", "Inputs", "LossSpec", "Objective", "Term", "objective", "response"]
