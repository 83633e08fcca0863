"""Networks: the registry of architectures, building, weights, checkpoints.

``profile`` and ``features`` are imported from the modules of the same names.
"""

from kd_core.models import exits, small_nets, torchvision_nets  # noqa: F401 - they register
from kd_core.models.build import build_model, get_spec
from kd_core.models.checkpoint import SHAPE_STEPS, load_checkpoint, save_checkpoint
from kd_core.models.spec import MODELS, BuildRequest, ModelSpec
from kd_core.models.stems import stem_for, stem_msg
from kd_core.models.task_model import NetworkSpec, TaskModel

__all__ = [
    "MODELS",
    "SHAPE_STEPS",
    "BuildRequest",
    "ModelSpec",
    "NetworkSpec",
    "TaskModel",
    "build_model",
    "get_spec",
    "load_checkpoint",
    "save_checkpoint",
    "stem_for",
    "stem_msg",
]
