"""Feature knowledge: a student that learns to see inside as its teacher does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kd_core.figures.lesson_hint import falling_figure, falling_info
from kd_core.figures.lesson_maps import maps_figure, maps_info
from kd_core.lessons import made_features
from kd_core.lessons.maps import Features
from kd_core.lessons.material import Material
from kd_core.lessons.spec import LESSONS, LessonSpec, Photo, Picture, Question, Shown, Values
from kd_core.registry import Param
from kd_core.text import Msg, significant

Map = NDArray[np.float64]


def show(material: Material, values: Values) -> Shown:
    """Maps of one image at one stage after some epochs, and the error over the training."""
    made: Features = material.made["features"]
    stage, image, epoch = int(values["stage"]), int(values["image"]), int(values["epoch"])
    place, channel = made.images.index(image), int(values["channel"]) - 1
    channel = min(channel, len(made.stages[stage].channels) - 1)
    own, projected, teacher = (
        made.own[stage].at(epoch, place, channel),
        made.projected[stage].at(epoch, place, channel),
        made.teacher[stage].at(place, channel),
    )  # (H, W) each
    marked = brightest(teacher)
    curve = falling_info(
        [one.teacher for one in made.stages], made.mse, stage, epoch, made.stages[stage].variance
    )
    of_map = float(np.square(projected - teacher).mean())
    first, mean = (significant(made.mse[at][stage], 3) for at in (0, epoch))
    seen = {"mse": significant(of_map, 3), "epoch": epoch, "mean": mean}
    return Shown(
        pictures=(
            Picture(
                "maps",
                maps_info(own, projected, teacher, marked),
                maps_figure,
                Msg("lesson.features.maps.words", {**seen, **_named(made, stage, channel, epoch)}),
            ),
            Picture(
                "error",
                curve,
                falling_figure,
                Msg("lesson.features.error.words", {**seen, "first": first}),
            ),
        ),
        facts=_facts(made, stage, channel, epoch, of_map),
        photos=(_photo(material, image),),
        steps=_steps(made, stage, epoch, projected, teacher, marked),
        notes=_notes(made, stage),
    )


def brightest(values: Map) -> tuple[int, int]:
    """Row and column of the largest value.

    >>> brightest(np.array([[0.0, 1.0], [3.0, 2.0]]))
    (1, 0)
    """
    row, column = np.unravel_index(int(values.argmax()), values.shape)
    return int(row), int(column)


def _named(made: Features, stage: int, channel: int, epoch: int) -> dict[str, object]:
    one = made.stages[stage]
    return {
        "teacher": one.teacher,
        "student": one.student,
        "channel": one.channels[channel],
        "own": one.own[epoch][channel],
        "weight": significant(one.weights[epoch][channel], 3),
        "cells": one.cells,
        "wide": one.widths[0],
        "narrow": one.widths[1],
    }


def _facts(made: Features, stage: int, channel: int, epoch: int, of_map: float) -> tuple[Msg, ...]:
    names = _named(made, stage, channel, epoch)
    now, first, average = made.mse[epoch][stage], made.mse[0][stage], made.stages[stage].variance
    told = significant(average, 3)
    return (
        Msg("lesson.features.fact.map", {**names, "mse": significant(of_map, 3)}),
        Msg(
            "lesson.features.fact.epoch",
            {
                "epoch": epoch,
                "step": epoch * made.steps,
                "mse": significant(now, 3),
                "first": significant(first, 3),
                "n": made.read,
                "score": made.scores[epoch],
                "metric": Msg(f"metric.{made.metric}.title"),
            },
        ),
        Msg("lesson.features.fact.explained", {"average": told, "share": 1 - now / average})
        if now < average
        else Msg("lesson.features.fact.average", {"average": told}),
    )


def _photo(material: Material, row: int) -> Photo:
    true = material.classes[int(material.targets[row])]
    return Photo(material.images[row], Msg("lesson.features.photo", {"true": true}))


def _steps(
    made: Features, stage: int, epoch: int, projected: Map, teacher: Map, marked: tuple[int, int]
) -> tuple[Msg, ...]:
    """From one place of one map to the mean over all images."""
    s, t = float(projected[marked]), float(teacher[marked])
    high, wide = teacher.shape
    return (
        Msg("lesson.features.step.loss"),
        Msg(
            "lesson.features.step.place",
            {
                "row": marked[0] + 1,
                "column": marked[1] + 1,
                "student": significant(s),
                "teacher": significant(t),
                "difference": significant(s - t),
                "square": significant((s - t) ** 2),
            },
        ),
        Msg(
            "lesson.features.step.map",
            {"n": high * wide, "mse": significant(np.square(projected - teacher).mean(), 3)},
        ),
        Msg(
            "lesson.features.step.all",
            {"n": made.read, "mse": significant(made.mse[epoch][stage], 3)},
        ),
    )


def _notes(made: Features, stage: int) -> tuple[Msg, ...]:
    one = made.stages[stage]
    notes = [
        Msg(
            "lesson.features.note",
            {
                "images": made.train_images,
                "epochs": len(made.mse) - 1,
                "weight": made_features.WEIGHT,
            },
        )
    ]
    if one.stored_cells < one.cells:
        notes.append(
            Msg("lesson.features.note.smaller", {"cells": one.cells, "stored": one.stored_cells})
        )
    return tuple(notes)


# --- controls -----------------------------------------------------------------------------------


def stage_options(material: Material) -> list[tuple[str, Msg]]:
    """The pairs of layers, the one in the middle first."""
    stages = list(enumerate(material.made["features"].stages))
    middle = len(stages) // 2
    ordered = [*stages[middle : middle + 1], *stages[:middle], *stages[middle + 1 :]]
    return [
        (
            str(number),
            Msg(
                "lesson.features.stage",
                {"teacher": one.teacher, "student": one.student, "cells": one.cells},
            ),
        )
        for number, one in ordered
    ]


def image_options(material: Material) -> list[tuple[str, Msg]]:
    """The images whose maps were kept; first the one that the teacher's channels answer most."""
    made: Features = material.made["features"]
    highest = made.teacher[len(made.stages) // 2].ranges[..., 1].mean(1)  # (image,)
    most = made.images[int(highest.argmax())]
    return [
        (
            str(row),
            Msg(
                "lesson.image.of_class",
                {"class": material.classes[int(material.targets[row])], "number": row},
            ),
        )
        for row in (most, *(row for row in made.images if row != most))
    ]


# --- questions ----------------------------------------------------------------------------------


def fallen(material: Material) -> float:
    """By how many per cent the error of the coarsest stage fell."""
    mse = material.made["features"].mse
    return float(100 * (1 - mse[-1][-1] / mse[0][-1]))


def _numbers(material: Material) -> dict[str, object]:
    made: Features = material.made["features"]
    last = made.stages[-1]
    return {
        "teacher": last.teacher,
        "student": last.student,
        "wide": last.widths[0],
        "narrow": last.widths[1],
        "first": significant(made.mse[0][-1], 3),
        "last": significant(made.mse[-1][-1], 3),
        "epochs": len(made.mse) - 1,
        "fallen": round(fallen(material), 1),
    }


LESSONS.add(
    "features",
    LessonSpec(
        show=show,
        source="Romero et al. 2015",
        needs=("features",),
        params=(
            Param("stage", "choice", ""),
            Param("image", "choice", ""),
            Param("channel", "choice", 1, choices=(1, 2, 3, 4)),
            Param("epoch", "int", 8, low=0, high=8),
        ),
        options={"stage": stage_options, "image": image_options},
        code="""
import torch

from kd_core.lessons.open import material_of
from kd_core.losses.feature import hint

made = material_of({study}).made["features"]
stage, image, channel, epoch = int({stage}), int({image}), {channel} - 1, {epoch}
place = made.images.index(image)
teacher = made.teacher[stage].at(place, channel)  # (H, W)
student = made.projected[stage].at(epoch, place, channel)  # (H, W), after the projection
print(f"this map: {hint(torch.tensor(student), torch.tensor(teacher)):.3g}")
print(f"all channels, {made.read} images: {made.mse[epoch][stage]:.3g}")
""",
        questions=(
            Question(
                "projection",
                "choice",
                lambda material: "widths",
                ("widths", "deploy", "classes"),
                numbers=_numbers,
            ),
            Question("by_hand", "number", lambda material: 1.0, tolerance=0.01),
            Question("fallen", "number", fallen, tolerance=3.0, numbers=_numbers, unit="%"),
        ),
    ),
)
