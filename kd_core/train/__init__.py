"""How networks learn: the loop, the modes, the teacher's stored outputs, checkpoints."""

from kd_core.train import alone, offline
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
    "fit",
    "offline",
]
