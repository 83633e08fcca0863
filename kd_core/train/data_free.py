"""Data-free: the teacher's weights are all that is left of the training images.

    teacher ─► synthetic images (kd_core.train.synthesis) ─► offline distillation on them

No training image is read, and no label: α weighs the class that each image was made for. What is
used besides the teacher is what its file promises (classes, mean and standard deviation of the
pixels, image size), and the validation part, by which the checkpoint is chosen as always.
"""

from __future__ import annotations

import os

import numpy as np
from PIL import Image

from kd_core.data.disk import full_disk_is_told
from kd_core.data.loaded import Part
from kd_core.errors import ConfigError
from kd_core.registry import Param
from kd_core.text import Msg
from kd_core.train.effort import Effort
from kd_core.train.elsewhere import Elsewhere
from kd_core.train.loader import normalisation
from kd_core.train.modes import MODES, ModeSpec, Setup
from kd_core.train.synthesis import Frame, Recipe, Synthetic, norms_of, sheet, synthesise

IMAGES, SHEET = "synthetic.npz", "synthetic.png"


class DataFree(Elsewhere):
    """Offline distillation on images made from the teacher.

    Raises:
        ConfigError: ``data_free_no_norms`` for a teacher without batch norms.
    """

    def __init__(self, setup: Setup) -> None:
        assert setup.teacher is not None  # the mode needs one
        if not norms_of(setup.teacher):
            raise ConfigError("data_free_no_norms", teacher=type(setup.teacher).__name__)
        made = _make(setup)
        _leave(setup, made)
        ids = tuple(f"synthetic-{row:05d}" for row in range(len(made.images)))
        super().__init__(setup, Part(made.images, made.labels, ids), labels=True)
        self.costs.teacher_seconds += made.seconds
        self.costs.teacher_images += made.passes
        sure = float(np.mean(made.sure))
        self.facts |= {"synthetic": len(made.images), "teacher_sure": round(sure, 4)}
        setup.say(Msg("data_free.made", {"n": len(made.images), "sure": sure}))


def _make(setup: Setup) -> Synthetic:
    assert setup.teacher is not None
    data, params = setup.data, dict(setup.params)
    mean, std = normalisation(data, setup.run.data)
    return synthesise(
        setup.teacher,
        Frame((data.channels, data.size, data.size), mean, std),
        len(data.classes),
        Recipe(**params),
        setup.cache,
        setup.device,
        lambda done, total: setup.tick("synthesise", done, total),
    )


def _leave(setup: Setup, made: Synthetic) -> None:
    """Put the images and a sheet of them into the run's folder."""
    page = sheet(made.images, made.labels.tolist())
    picture = Image.fromarray(page if page.shape[2] == 3 else page[..., 0])
    target = setup.folder / IMAGES
    aside = target.with_name(f".{IMAGES}.{os.getpid()}")
    with full_disk_is_told(target), aside.open("wb") as file:
        np.savez_compressed(file, images=made.images, labels=made.labels, sure=made.sure)
    aside.replace(target)
    with full_disk_is_told(target):
        picture.save(setup.folder / SHEET)


MODES.add(
    "data_free",
    ModeSpec(
        build=DataFree,
        needs_teacher=True,
        tasks=("classification",),
        source="Yin et al. 2020",
        effort=lambda distil, params: Effort(
            images=params["images"], iterations=params["iterations"]
        ),
        params=(
            Param("images", "int", 256, low=16, high=20_000, step=64),
            Param("iterations", "int", 200, low=1, high=5000, step=50),
            Param("lr", "float", 0.05, low=0.001, high=1.0, step=0.01, advanced=True),
            Param("norm_weight", "float", 0.1, low=0.0, high=1000.0, step=0.05, advanced=True),
            Param("tv_weight", "float", 0.01, low=0.0, high=100.0, step=0.01, advanced=True),
            Param("l2_weight", "float", 1e-5, low=0.0, high=1.0, step=1e-5, advanced=True),
        ),
    ),
)
