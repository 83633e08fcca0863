"""Data-free: the teacher's weights are all that is left of the training images.

    teacher ─► synthetic images (kd_core.train.synthesis) ─► offline distillation on them

No training image is read, and no label: α weighs the class that each image was made for. What is
used besides the teacher is what its file promises (classes, mean and standard deviation of the
pixels, image size), and the validation part, by which the checkpoint is chosen as always, and whose
images say how near to the teacher's memory real ones are.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

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
from kd_core.train.synthesis import Recipe, Synthetic, sheet, synthesise
from kd_core.train.synthesis_norms import Frame, distance, norms_of

IMAGES, SHEET, ABOUT = "synthetic.npz", "synthetic.png", "synthetic.json"

FAR = 2.0
"""So many times as far from the teacher's memory as real images, made ones teach little."""


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
        about = _nearness(setup, made)
        _leave(setup, made, about)
        ids = tuple(f"synthetic-{row:05d}" for row in range(len(made.images)))
        super().__init__(setup, Part(made.images, made.labels, ids), labels=True)
        self.costs.teacher_seconds += made.seconds
        self.costs.teacher_images += made.passes
        self.costs.teacher_images += about.pop("looked_at")
        self.facts |= about
        setup.say(Msg("data_free.made", {"n": about["synthetic"], "sure": about["teacher_sure"]}))
        setup.say(nearness_msg(about))


def nearness_msg(about: Mapping[str, Any]) -> Msg:
    """How near the made images are to the teacher's memory, beside real ones.

    >>> nearness_msg({"norm_distance": 0.9, "norm_distance_real": 0.3}).id
    'data_free.far'
    """
    ratio = about["norm_distance"] / max(about["norm_distance_real"], 1e-9)
    fields = {"made": about["norm_distance"], "real": about["norm_distance_real"]}
    return Msg("data_free.far" if ratio > FAR else "data_free.near", {**fields, "ratio": ratio})


def _frame(setup: Setup) -> Frame:
    data = setup.data
    shape = (data.channels, data.size, data.size)
    return Frame(shape, *normalisation(data, setup.run.data))


def _nearness(setup: Setup, made: Synthetic) -> dict[str, Any]:
    """What a record should say of the images, and how many more the teacher looked at."""
    assert setup.teacher is not None
    val = setup.data.parts["val"].images
    real = val[np.linspace(0, len(val) - 1, min(len(val), len(made.images))).astype(int)]
    far, real_far = (
        distance(setup.teacher, _frame(setup), images, setup.device)
        for images in (made.images[: len(real)], real)
    )
    return {
        "synthetic": len(made.images),
        "teacher_sure": round(float(np.mean(made.sure)), 4),
        "norm_distance": round(far, 4),
        "norm_distance_real": round(real_far, 4),
        "looked_at": 2 * len(real),
    }


def _make(setup: Setup) -> Synthetic:
    assert setup.teacher is not None
    data, params = setup.data, dict(setup.params)
    return synthesise(
        setup.teacher,
        _frame(setup),
        len(data.classes),
        Recipe(**params),
        setup.cache,
        setup.device,
        lambda done, total: setup.tick("synthesise", done, total),
    )


def _leave(setup: Setup, made: Synthetic, about: Mapping[str, Any]) -> None:
    """Put the images, a sheet of them and what is known of them into the run's folder."""
    page = sheet(made.images, made.labels.tolist())
    picture = Image.fromarray(page if page.shape[2] == 3 else page[..., 0])
    target = setup.folder / IMAGES
    aside = target.with_name(f".{IMAGES}.{os.getpid()}")
    with full_disk_is_told(target), aside.open("wb") as file:
        np.savez_compressed(file, images=made.images, labels=made.labels, sure=made.sure)
    aside.replace(target)
    with full_disk_is_told(target):
        picture.save(setup.folder / SHEET)
        text = json.dumps({name: about[name] for name in about if name != "looked_at"})
        (setup.folder / ABOUT).write_text(text + "\n", encoding="utf-8")


MODES.add(
    "data_free",
    ModeSpec(
        build=DataFree,
        needs_teacher=True,
        tasks=("classification",),
        source="Yin et al. 2020",
        version=2,
        effort=lambda distil, params: Effort(
            images=params["images"], iterations=params["iterations"]
        ),
        params=(
            Param("images", "int", 256, low=16, high=20_000, step=64),
            Param("iterations", "int", 200, low=1, high=5000, step=50),
            Param("lr", "float", 0.05, low=0.001, high=1.0, step=0.01, advanced=True),
            Param("norm_weight", "float", 10.0, low=0.0, high=1000.0, step=1.0, advanced=True),
            Param("tv_weight", "float", 0.5, low=0.0, high=100.0, step=0.1, advanced=True),
            Param("l2_weight", "float", 1e-5, low=0.0, high=1.0, step=1e-5, advanced=True),
        ),
    ),
)
