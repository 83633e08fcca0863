"""Relational knowledge: not where images are, but how they lie to each other."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from kd_core.figures.lesson_relation import alike_figure, alike_info
from kd_core.figures.lesson_triangles import Triangles, triangle_info, triangles_figure
from kd_core.lessons.material import Material, Voice
from kd_core.lessons.spec import LESSONS, LessonSpec, Photo, Picture, Question, Shown, Values
from kd_core.lessons.vectors import (
    Relations,
    batch_of,
    cosines,
    huber,
    kinds,
    relations,
    vectors,
)
from kd_core.losses.relation import rkd_angle, rkd_distance
from kd_core.losses.relation_similarity import similarity
from kd_core.registry import Param
from kd_core.text import Msg

Array = NDArray[np.float64]
CORNERS = ("a", "b", "c")


def show(material: Material, values: Values) -> Shown:
    """Similarities of a batch in both spaces, and three of its images as triangles."""
    student = _student(material, str(values["who"]))
    batch = batch_of(material)
    seen = [vectors(material, one, batch) for one in (material.voice("teacher"), student)]
    row = {int(number): place for place, number in enumerate(batch)}
    marked = [row[int(values[name])] for name in CORNERS]
    similar = [cosines(one) for one in seen]
    labels = [material.classes[int(k)] for k in material.targets[batch]]
    matrices = Picture(
        "alike",
        alike_info(labels, similar[0], similar[1], marked),
        alike_figure,
        _alike_in_words(similar, material.targets[batch]),
    )
    photos = tuple(
        _photo(material, letter, int(batch[place]))
        for letter, place in zip("ABC", marked, strict=True)
    )
    facts = (_batch_fact(seen), _kinds_fact(similar, material.targets[batch]))
    notes = (Msg("lesson.relations.note", {"n": len(batch), "student": _name(student)}),)
    if len(set(marked)) < len(marked):
        again = Msg("lesson.relations.fact.twice")
        return Shown(pictures=(matrices,), facts=(again, *facts), photos=photos, notes=notes)
    found = relations(*(one[marked] for one in seen))
    return Shown(
        pictures=(matrices, _triangles(found, [labels[place] for place in marked])),
        facts=(_three_fact(found), *facts),
        photos=photos,
        steps=_steps(found),
        notes=notes,
    )


# --- pictures -----------------------------------------------------------------------------------


def _triangles(found: Relations, classes: list[str]) -> Picture:
    models = tuple(
        triangle_info(role, found.distances[k].tolist(), found.cosines[k].tolist())
        for k, role in enumerate(("teacher", "student"))
    )
    words = {
        f"{role}_{name}": round(value, 3)
        for role, row in zip(("teacher", "student"), found.distances, strict=True)
        for name, value in zip(("ab", "ac", "bc"), row.tolist(), strict=True)
    }
    return Picture(
        "triangles",
        Triangles(models, (classes[0], classes[1], classes[2])),
        triangles_figure,
        Msg("lesson.relations.triangles.words", words),
    )


def _alike_in_words(similar: list[Array], targets: NDArray[np.int64]) -> Msg:
    (teacher_same, teacher_other), (student_same, student_other) = (
        kinds(one, targets) for one in similar
    )
    return Msg(
        "lesson.relations.alike.words",
        {
            "n": len(targets),
            "teacher_same": teacher_same,
            "teacher_other": teacher_other,
            "student_same": student_same,
            "student_other": student_other,
            "most": float(np.abs(similar[1] - similar[0]).max()),
        },
    )


def _photo(material: Material, letter: str, row: int) -> Photo:
    true = material.classes[int(material.targets[row])]
    return Photo(
        material.images[row], Msg("lesson.relations.photo", {"name": letter, "class": true}), 88
    )


# --- in words -----------------------------------------------------------------------------------


def _three_fact(found: Relations) -> Msg:
    return Msg(
        "lesson.relations.fact.three",
        {"distance": round(found.rkd_distance, 5), "angle": round(found.rkd_angle, 5)},
    )


def _batch_fact(seen: list[Array]) -> Msg:
    """The losses of the whole batch, as training would see them."""
    teacher, student = (torch.tensor(one) for one in seen)
    return Msg(
        "lesson.relations.fact.batch",
        {
            "n": len(teacher),
            "distance": round(float(rkd_distance(student, teacher)), 5),
            "angle": round(float(rkd_angle(student, teacher)), 5),
            "similarity": round(float(similarity(student, teacher)), 6),
        },
    )


def _kinds_fact(similar: list[Array], targets: NDArray[np.int64]) -> Msg:
    (teacher_same, teacher_other), (student_same, student_other) = (
        kinds(one, targets) for one in similar
    )
    return Msg(
        "lesson.relations.fact.kinds",
        {
            "teacher_same": teacher_same,
            "teacher_other": teacher_other,
            "student_same": student_same,
            "student_other": student_other,
        },
    )


def _steps(found: Relations) -> tuple[Msg, ...]:
    """Both losses by hand; below 1, Huber's loss of a difference is half its square."""
    lines = [Msg("lesson.relations.step.distances")]
    halves = huber(found.distances[1] - found.distances[0])
    for name, t, s, half in zip(("AB", "AC", "BC"), *found.distances, halves, strict=True):
        lines.append(_line("side", name, t, s, half))
    lines.append(_total("distance", halves, 9, found.rkd_distance))
    lines.append(Msg("lesson.relations.step.angles"))
    halves = huber(found.cosines[1] - found.cosines[0])
    for name, t, s, half in zip("ABC", *found.cosines, halves, strict=True):
        lines.append(_line("corner", name, t, s, half))
    lines.append(_total("angle", halves, 27, found.rkd_angle))
    return tuple(lines)


def _line(what: str, name: str, teacher: float, student: float, half: float) -> Msg:
    return Msg(
        f"lesson.relations.step.{what}",
        {
            "name": name,
            "teacher": float(teacher),
            "student": float(student),
            "difference": float(student - teacher),
            "loss": round(float(half), 5),
        },
    )


def _total(what: str, halves: Array, n: int, loss: float) -> Msg:
    return Msg(
        f"lesson.relations.step.{what}",
        {"sum": round(float(halves.sum()), 5), "n": n, "loss": round(loss, 5)},
    )


# --- controls -----------------------------------------------------------------------------------


def _students(material: Material) -> dict[str, Voice]:
    """The first of each arm, students before the baseline."""
    found: dict[str, Voice] = {}
    for role in ("student", "baseline"):
        for voice in material.of_role(role):
            found.setdefault(voice.name, voice)
    return found


def _student(material: Material, name: str) -> Voice:
    return _students(material)[name]


def _name(voice: Voice) -> Msg | str:
    return Msg("role.baseline") if voice.role == "baseline" else voice.name


def who_options(material: Material) -> list[tuple[str, Msg]]:
    """The models that are compared with the teacher."""
    return [
        (name, Msg("lesson.relations.who", {"name": _name(voice)}))
        for name, voice in _students(material).items()
    ]


def image_options(material: Material, corner: str) -> list[tuple[str, Msg]]:
    """The batch's images; of A and B the first two of a class come first, of C another class."""
    batch = batch_of(material)
    targets = material.targets[batch]
    other = int(np.argmax(targets != targets[0]))
    start = {"a": 0, "b": min(1, len(batch) - 1), "c": max(other, min(2, len(batch) - 1))}[corner]
    order = [*range(start, len(batch)), *range(start)]
    return [
        (
            str(batch[place]),
            Msg(
                "lesson.relations.image",
                {"number": place + 1, "class": material.classes[int(targets[place])]},
            ),
        )
        for place in order
    ]


# --- questions ----------------------------------------------------------------------------------


def _numbers(material: Material) -> dict[str, object]:
    """Widths of both models' vectors, and how much closer images of one class are."""
    batch = batch_of(material)
    student = next(iter(_students(material).values()))
    seen = [vectors(material, one, batch) for one in (material.voice("teacher"), student)]
    same, other = kinds(cosines(seen[0]), material.targets[batch])
    widths = {"teacher_width": seen[0].shape[1], "student_width": seen[1].shape[1]}
    return {**widths, "same": same, "other": other}


LESSONS.add(
    "relations",
    LessonSpec(
        show=show,
        source="Park et al. 2019; Tung & Mori 2019",
        params=(
            Param("who", "choice", ""),
            Param("a", "choice", ""),
            Param("b", "choice", ""),
            Param("c", "choice", ""),
        ),
        options={
            "who": who_options,
            "a": lambda material: image_options(material, "a"),
            "b": lambda material: image_options(material, "b"),
            "c": lambda material: image_options(material, "c"),
        },
        code="""
import numpy as np
import torch

from kd_core.lessons.open import material_of
from kd_core.lessons.vectors import vectors
from kd_core.losses.relation import angles, distances, rkd_angle, rkd_distance

material = material_of({study})
three = np.array([int({a}), int({b}), int({c})])
voices = [material.voice("teacher"), next(v for v in material.voices if v.name == {who})]
teacher, student = (torch.tensor(vectors(material, voice, three)) for voice in voices)  # (3, D)
for name, x in (("teacher", teacher), ("student", student)):
    print(name, "AB, AC, BC:", distances(x)[[0, 0, 1], [1, 2, 2]].numpy().round(3))
    print(name, "cosines at A, B, C:", angles(x)[[0, 1, 2], [1, 0, 0], [2, 2, 1]].numpy().round(3))
print(f"RKD-D {rkd_distance(student, teacher):.5f}  RKD-A {rkd_angle(student, teacher):.5f}")
""",
        questions=(
            Question(
                "scale",
                "choice",
                lambda material: "nothing",
                ("doubles", "nothing", "halves"),
                numbers=_numbers,
            ),
            Question("by_hand", "number", lambda material: 0.02, tolerance=0.0005),
            Question(
                "width",
                "choice",
                lambda material: "images",
                ("images", "projection", "pixels"),
                numbers=_numbers,
            ),
        ),
    ),
)
