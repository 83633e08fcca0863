"""How networks learn: the loop, the modes, the teacher's stored outputs, checkpoints."""

from kd_core.train import (
    alone,
    assistants,
    data_free,
    ensemble,
    offline,
    online,
    self_born_again,
    self_exits,
    self_past,
    unlabelled,
)
from kd_core.train.batch import Batch, Batches
from kd_core.train.loop import FitResult, fit
from kd_core.train.modes import MODES, Mode, ModeSpec, Other, Outside, Planning, Setup

__all__ = [
    "MODES",
    "Batch",
    "Batches",
    "FitResult",
    "Mode",
    "ModeSpec",
    "Other",
    "Outside",
    "Planning",
    "Setup",
    "alone",
    "assistants",
    "data_free",
    "ensemble",
    "fit",
    "offline",
    "online",
    "self_born_again",
    "self_exits",
    "self_past",
    "unlabelled",
]
