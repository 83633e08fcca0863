"""What can go wrong: a shortcut, leakage, an inherited error, a metric at its ceiling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kd_core.data.doctor import Finding
from kd_core.data.doctor.parts import wilson
from kd_core.figures.lesson_wrong import (
    Ceiling,
    Scored,
    amounts_figure,
    amounts_info,
    ceiling_figure,
)
from kd_core.lessons.made_wrong import AMOUNTS, CASES, Wrong
from kd_core.lessons.material import Material
from kd_core.lessons.spec import LESSONS, LessonSpec, Photo, Picture, Question, Shown, Values
from kd_core.lessons.wrong_copies import MISLABELLED, easy_rows, kept_classes
from kd_core.registry import Param
from kd_core.text import Msg

ROLES = ("teacher", "baseline", "student")
ENLARGED = 4
"""How often each pixel of a small image is repeated, so that a browser keeps its edges."""

PHOTO_PX = 84

THREE = 3.0
"""Rule of three: with no error on n images, the true rate is at most 3 / n, at 95 %."""

ASKED_IMAGES = 150


def show(material: Material, values: Values) -> Shown:
    """One case at one amount: its numbers, what the data doctor says, and the images."""
    found: Wrong = material.made["wrong"]
    case, at = values["case"], place_of(values["amount"])
    numbers = {
        name: float(value) for name, value in numbers_of(material, case, AMOUNTS[at]).items()
    }
    names = _names(material, found, case, at)
    seen = found.findings[case][at]
    said = [Msg("lesson.wrong.doctor", _verdict(one)) for one in seen]
    if case == "inherit" and all(one.severity == "ok" for one in seen):
        said = [Msg("lesson.wrong.doctor_silent", _verdict(seen[0]))]
    return Shown(
        pictures=(_picture(material, found, case, at, {**numbers, **names}),),
        facts=(Msg(f"lesson.wrong.{case}.fact", {**numbers, **names}), *said),
        photos=_photos(material, found, case, at),
        steps=_steps(case, numbers),
        notes=(Msg("lesson.wrong.note", {"study": material.name, "n": len(found.targets)}),),
    )


def _verdict(finding: Finding) -> dict[str, Msg]:
    return {"severity": Msg(f"severity.{finding.severity}"), "found": finding.msg}


def place_of(amount: float) -> int:
    """The nearest of the amounts that were tried.

    >>> place_of(0.3), place_of(1.0)
    (1, 4)
    """
    return int(np.abs(np.array(AMOUNTS) - amount).argmin())


def numbers_of(material: Material, case: str, amount: float) -> dict[str, float]:
    """What a case shows at an amount, from the answers of models, image by image."""
    at, found = place_of(amount), material.made["wrong"]
    numbers: dict[str, float] = _NUMBERS[case](material, found, at)
    return {"amount": AMOUNTS[at], **numbers}


# --- the numbers of each case -------------------------------------------------------------------


def _share(hits: NDArray[np.bool_]) -> float:
    return float(hits.mean()) if len(hits) else float("nan")


def _shortcut(material: Material, found: Wrong, at: int) -> dict[str, float]:
    return {
        "probe": float(found.findings["shortcut"][at][0].evidence.get("auc", np.nan)),
        "same": _share(found.arrays["shortcut_same"][at] == found.targets),
        "clean": _share(found.arrays["shortcut_clean"][at] == found.targets),
    }


def _leak(material: Material, found: Wrong, at: int) -> dict[str, float]:
    answers = found.arrays["leak"]
    return {
        "measured": _share(answers[at] == found.targets),
        "honest": _share(answers[0] == found.targets),
        "found": float(found.findings["leak"][at][0].evidence.get("share", 0.0)),
        "copies": float(found.arrays["leak_copied"][at].sum()),
    }


def _inherit(material: Material, found: Wrong, at: int) -> dict[str, float]:
    student, teacher = found.arrays["inherit"][at], found.arrays["teacher"]
    errors = teacher != found.targets
    of = found.targets == found.mistake.of
    return {
        "repeated": _share(student[errors] == teacher[errors]),
        "group": _share(student[of] == found.targets[of]),
        "student": _share(student == found.targets),
        "teacher": _share(~errors),
        "errors": float(errors.sum()),
        "alone": _share(found.arrays["inherit"][0][errors] == teacher[errors]),
    }


def _ceiling(material: Material, found: Wrong, at: int) -> dict[str, float]:
    right = _right_of_all(material, found, at)
    n = len(right["teacher"])
    shares = {role: _share(hits) for role, hits in right.items()}
    return {
        **shares,
        "n": float(n),
        "classes": float(len(kept_classes(found.order, AMOUNTS[at]))),
        "differ": float((right["teacher"] != right["student"]).sum()),
        "three": THREE / n,
        "need": THREE / 0.001,
    }


_NUMBERS = {"shortcut": _shortcut, "leak": _leak, "inherit": _inherit, "ceiling": _ceiling}


def _right_of_all(material: Material, found: Wrong, at: int) -> dict[str, NDArray[np.bool_]]:
    """Whether teacher, baseline and student are right on each image that is left."""
    kept = np.array(kept_classes(found.order, AMOUNTS[at]))
    rows = np.flatnonzero(np.isin(material.targets, kept))
    if len(found.order) == 2:
        rows = easy_rows(material.targets, material.voice("baseline").logits, AMOUNTS[at])
    return {
        role: kept[material.voice(role).logits[rows][:, kept].argmax(1)] == material.targets[rows]
        for role in ROLES
    }


# --- how they are shown -------------------------------------------------------------------------

DRAWN = {
    "shortcut": ("probe", "same", "clean"),
    "leak": ("measured", "honest", "found"),
    "inherit": ("repeated", "group", "student"),
}


def _picture(
    material: Material, found: Wrong, case: str, at: int, fields: Mapping[str, Any]
) -> Picture:
    words = Msg(f"lesson.wrong.{case}.fact", fields)
    if case == "ceiling":
        right = _right_of_all(material, found, at)
        models = []
        for role, hits in right.items():
            low, high = wilson(_share(hits), len(hits))
            models.append(Scored(role, _share(hits), low, min(1.0, high)))
        info = Ceiling(tuple(models), int(fields["n"]))
        return Picture(case, info, ceiling_figure, words, wide=True)
    every = [numbers_of(material, case, amount) for amount in AMOUNTS]
    rows = {name: [numbers[name] for numbers in every] for name in DRAWN[case]}
    return Picture(case, amounts_info(case, AMOUNTS, rows, at), amounts_figure, words, wide=True)


def _names(material: Material, found: Wrong, case: str, at: int) -> dict[str, Any]:
    """Names of classes for a case's texts."""
    if case == "inherit":
        of, named = (material.classes[k] for k in (found.mistake.of, found.mistake.named))
        return {"of": of, "named": named, "mislabelled": MISLABELLED}
    if case == "ceiling":
        return {"left": [material.classes[k] for k in kept_classes(found.order, AMOUNTS[at])]}
    return {}


def _photos(material: Material, found: Wrong, case: str, at: int) -> tuple[Photo, ...]:
    arrays = found.arrays
    if case == "shortcut" and at:
        return _row(arrays["image_mark"], Msg("lesson.wrong.photo.mark"))
    if case == "leak" and at:
        pairs = zip(arrays["image_copied"][:2], arrays["image_source"][:2], strict=True)
        captions = [Msg("lesson.wrong.photo.val"), Msg("lesson.wrong.photo.train")]
        return tuple(
            Photo(_enlarged(image), caption, PHOTO_PX)
            for pair in pairs
            for image, caption in zip(pair, captions, strict=True)
        )
    if case == "inherit":
        of, named = (material.classes[k] for k in (found.mistake.of, found.mistake.named))
        caption = Msg("lesson.wrong.photo.mistake", {"of": of, "named": named})
        return _row(arrays["image_mistake"][:3], caption)
    return ()


def _row(images: NDArray[np.uint8], caption: Msg) -> tuple[Photo, ...]:
    return tuple(Photo(_enlarged(image), caption, PHOTO_PX) for image in images)


def _enlarged(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return image.repeat(ENLARGED, 0).repeat(ENLARGED, 1)


def _steps(case: str, numbers: Mapping[str, float]) -> tuple[Msg, ...]:
    """The rule of three by hand."""
    if case != "ceiling":
        return ()
    return (Msg("lesson.wrong.step.three", numbers), Msg("lesson.wrong.step.need", numbers))


# --- questions ----------------------------------------------------------------------------------


def _asked(material: Material) -> dict[str, float]:
    marked, easy = (numbers_of(material, case, 1.0) for case in ("shortcut", "ceiling"))
    return {
        "same": marked["same"],
        "clean": marked["clean"],
        "asked": ASKED_IMAGES,
        "n": easy["n"],
        "three": easy["three"],
    }


LESSONS.add(
    "wrong",
    LessonSpec(
        show=show,
        source="Zech et al. 2018; Hanley & Lippman-Hand 1983",
        params=(
            Param("case", "choice", "shortcut", choices=CASES),
            Param("amount", "float", 1.0, low=0.0, high=1.0, step=0.25),
        ),
        needs=("wrong",),
        code="""
from kd_core.lessons.open import material_of
from kd_core.lessons.wrong import numbers_of, place_of

material = material_of({study})
for name, value in numbers_of(material, {case}, {amount}).items():
    print(name, round(value, 4))
for finding in material.made["wrong"].findings[{case}][place_of({amount})]:
    print(finding.severity, finding.code, dict(finding.evidence))  # of the data doctor
""",
        questions=(
            Question(
                "looked",
                "choice",
                lambda material: "mark",
                ("mark", "cell", "noise"),
                numbers=_asked,
            ),
            Question(
                "three",
                "number",
                lambda material: 100 * THREE / ASKED_IMAGES,
                tolerance=0.1,
                numbers=_asked,
                unit="%",
            ),
            Question("unseen", "choice", lambda m: "inherit", CASES),
        ),
    ),
)
