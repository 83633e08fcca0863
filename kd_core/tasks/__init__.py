"""What a target is: collate, task loss, decoding, metrics, what can be distilled."""

from kd_core.tasks import classification, multilabel
from kd_core.tasks.spec import TASKS, Outputs, TaskSpec, Weighting

__all__ = ["TASKS", "Outputs", "TaskSpec", "Weighting", "classification", "multilabel"]
