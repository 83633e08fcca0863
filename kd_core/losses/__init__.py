"""What a student minimises: one file a family, one entry a method."""

from kd_core.losses import (
    response,
    response_alone,
    response_correlation,
    response_levels,
    response_logits,
    response_target,
)

# isort: split
from kd_core.losses import (
    conventions_soft,
    conventions_suites,
    feature,
    feature_channels,
    feature_contrast,
    feature_cross,
    feature_review,
    feature_variational,
    relation,
    relation_flow,
    relation_similarity,
)
from kd_core.losses.combine import Objective, Term, objective
from kd_core.losses.spec import LOSSES, Inputs, LossSpec

__all__ = [
    "LOSSES",
    "Inputs",
    "LossSpec",
    "Objective",
    "Term",
    "conventions_soft",
    "conventions_suites",
    "feature",
    "feature_channels",
    "feature_contrast",
    "feature_cross",
    "feature_review",
    "feature_variational",
    "objective",
    "relation",
    "relation_flow",
    "relation_similarity",
    "response",
    "response_alone",
    "response_correlation",
    "response_levels",
    "response_logits",
    "response_target",
]
