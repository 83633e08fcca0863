"""Worked examples of the losses, computed here step by step from vectors that fit on a slide.

Two answers for the divergence; and two images with two features each, in the teacher and in the
student, for the error of a feature and for the relation of two images.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from kd_core.losses.response import softmax_kl
from kd_core.text import Msg

Pair = tuple[float, float]

TEACHER, STUDENT = (0.7, 0.2, 0.1), (0.5, 0.4, 0.1)
"""Probabilities of three classes."""

TEACHER_A, TEACHER_B = (0.2, 0.9), (0.7, 0.6)
STUDENT_A, STUDENT_B = (0.3, 0.8), (0.6, 0.5)
"""Two features of the images A and B."""


@dataclass(frozen=True)
class Worked:
    """Results of the examples.

    Attributes:
        nats: KL of teacher and student.
        bits: The same over ln 2.
        mse: Mean squared error of the features of image A.
        cos_teacher: Cosine of the images A and B in the teacher.
        cos_student: In the student.
        gap: Squared difference of the two cosines.
    """

    nats: float
    bits: float
    mse: float
    cos_teacher: float
    cos_student: float
    gap: float


def worked() -> Worked:
    """The results, by the functions that training uses.

    >>> found = worked()
    >>> [round(value, 4) for value in (found.nats, found.bits, found.mse)]
    [0.0969, 0.1398, 0.01]
    >>> round(found.cos_teacher, 4), round(found.cos_student, 4), round(found.gap, 6)
    (0.8, 0.8692, 0.004784)
    """
    p, q, a_t, b_t, a_s, b_s = (
        torch.tensor([values], dtype=torch.float64)
        for values in (TEACHER, STUDENT, TEACHER_A, TEACHER_B, STUDENT_A, STUDENT_B)
    )
    nats = softmax_kl(q.log(), p.log(), 1.0).item()  # the softmax of log p is p
    of_teacher = F.cosine_similarity(a_t, b_t).item()
    of_student = F.cosine_similarity(a_s, b_s).item()
    return Worked(
        nats=nats,
        bits=nats / math.log(2),
        mse=F.mse_loss(a_s, a_t).item(),
        cos_teacher=of_teacher,
        cos_student=of_student,
        gap=(of_student - of_teacher) ** 2,
    )


def worked_steps() -> tuple[Msg, ...]:
    """Line by line, with every number on the way."""
    found = worked()
    pairs = list(zip(TEACHER, STUDENT, strict=True))
    divergence = {f"p{i}": p for i, (p, _) in enumerate(pairs, 1)}
    divergence |= {f"q{i}": q for i, (_, q) in enumerate(pairs, 1)}
    divergence |= {f"t{i}": p * math.log(p / q) for i, (p, q) in enumerate(pairs, 1)}
    return (
        Msg("lesson.loss.step.about"),
        Msg("lesson.loss.step.kl", {**divergence, "nats": found.nats}),
        Msg("lesson.loss.step.bits", {"nats": found.nats, "bits": found.bits}),
        Msg("lesson.loss.step.mse", {**_four_of(TEACHER_A, STUDENT_A), "mse": found.mse}),
        _cosine("teacher", TEACHER_A, TEACHER_B, found.cos_teacher),
        _cosine("student", STUDENT_A, STUDENT_B, found.cos_student),
        Msg(
            "lesson.loss.step.gap",
            {
                "teacher": found.cos_teacher,
                "student": found.cos_student,
                "apart": round(found.cos_student - found.cos_teacher, 6),
                "gap": round(found.gap, 6),
            },
        ),
    )


def _cosine(role: str, a: Pair, b: Pair, cosine: float) -> Msg:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    fields = {**_four_of(a, b), "dot": dot, "a": math.hypot(*a), "b": math.hypot(*b)}
    return Msg("lesson.loss.step.cosine", {**fields, "of": Msg(f"role.{role}"), "cosine": cosine})


def _four_of(a: Pair, b: Pair) -> dict[str, float]:
    return {"a1": a[0], "a2": a[1], "b1": b[0], "b2": b[1]}
