"""The loss: true labels against the teacher's answers, with the current numbers in every term."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kd_core.figures.lesson_direction import direction_figure, direction_info
from kd_core.figures.lesson_pull import pull_figure, pull_info
from kd_core.figures.lesson_terms import TermRow, terms_figure, terms_info
from kd_core.lessons.images import chosen_image, image_options, photo, soft
from kd_core.lessons.loss_worked import worked_steps
from kd_core.lessons.material import Material
from kd_core.lessons.spec import LESSONS, LessonSpec, Picture, Question, Shown, Values
from kd_core.lessons.temperature import TEMPERATURES
from kd_core.losses import Inputs, objective
from kd_core.recipes import DistilSettings, LossTerm
from kd_core.registry import Param
from kd_core.tasks import TASKS, Weighting
from kd_core.text import Msg, significant

Array = NDArray[np.float64]

TASK = "classification"


def show(material: Material, values: Values) -> Shown:
    """Both terms for one image and for all, the teacher's pull against T, and KL both ways."""
    row = chosen_image(material, values)
    alpha, temperature = float(values["alpha"]), float(values["T"])
    student, teacher = (logits_of(material, role) for role in ("student", "teacher"))  # (n, K)
    targets = torch.from_numpy(material.targets)
    one = slice(row, row + 1)
    image = parts_of(student[one], teacher[one], targets[one], alpha, temperature)
    mean = parts_of(student, teacher, targets, alpha, temperature)
    p, q = (soft(z[one].numpy(), temperature)[0] for z in (teacher, student))  # (K,)
    of_image, of_all = (
        TermRow(parts["task"], parts["kd"] / temperature**2) for parts in (image, mean)
    )
    pulls = [pull(student, teacher, t) for t in TEMPERATURES]
    terms = terms_info(of_image, of_all, alpha, temperature)
    return Shown(
        pictures=(
            Picture("terms", terms, terms_figure, _terms_in_words(image, mean), wide=True),
            Picture(
                "pull",
                pull_info(TEMPERATURES, pulls, label_pull(student, targets), temperature),
                pull_figure,
                _pull_msg("lesson.loss.pull.words", student, teacher, targets, temperature),
            ),
            Picture(
                "direction",
                direction_info(material.classes, p, q, temperature),
                direction_figure,
                _direction("lesson.loss.direction.words", material, p, q),
            ),
        ),
        facts=(
            _formula("lesson.loss.fact.image", of_image, alpha, temperature),
            _formula("lesson.loss.fact.mean", of_all, alpha, temperature),
            _ends(alpha),
            _pull_msg("lesson.loss.fact.pull", student, teacher, targets, temperature),
            _direction("lesson.loss.fact.direction", material, p, q),
        ),
        photos=(photo(material, row),),
        steps=worked_steps(),
        notes=(Msg("lesson.loss.note.lecture"), Msg("lesson.loss.note.vectors")),
    )


# --- what is computed ---------------------------------------------------------------------------


def logits_of(material: Material, role: str) -> Tensor:
    """Logits of the validation images, (n, K)."""
    return torch.from_numpy(material.voice(role).logits)


def parts_of(
    student: Tensor, teacher: Tensor, targets: Tensor, alpha: float, temperature: float
) -> dict[str, float]:
    """``task``, ``kd`` (with its T²) and ``total`` as training computes them, means over images.

    Args:
        student: Logits, (N, K).
        teacher: Logits, (N, K).
        targets: Right classes, (N,).
        alpha: α, the weight of the labels.
        temperature: T.
    """
    distil = DistilSettings(alpha=alpha, losses=(LossTerm(name="kd", params={"T": temperature}),))
    outputs = {"logits": student}
    task = TASKS[TASK].loss(outputs, targets, Weighting())
    parts = objective(distil, TASK)(task, Inputs(outputs, {"logits": teacher}))
    return {name: float(value) for name, value in parts.items()}


def pull(student: Tensor, teacher: Tensor, temperature: float) -> tuple[float, float]:
    """Mean length of the gradient of each image's KL in the student's logits: with T², without.

    Formula: ``∂ T² KL / ∂z_s = T (q − p)`` with p and q the softened probabilities of teacher and
    student; without T² it is ``(q − p) / T``, and q − p itself shrinks like 1 / T
    (Hinton et al. 2015, section 2.1).
    """
    p, q = ((z / temperature).softmax(1) for z in (teacher, student))  # (N, K)
    apart = float((q - p).norm(dim=1).mean())
    return temperature * apart, apart / temperature


def label_pull(student: Tensor, targets: Tensor) -> float:
    """Mean length of the gradient of each image's cross-entropy: ``q − y`` at T = 1."""
    right = torch.nn.functional.one_hot(targets, student.shape[1])  # (N, K)
    return float((student.softmax(1) - right).norm(dim=1).mean())


def contributions(p: Array, q: Array) -> Array:
    """What each class adds to KL(p ‖ q), in nats: ``p_k ln(p_k / q_k)``, (K,).

    >>> float(contributions(np.array([0.5, 0.5]), np.array([0.5, 0.5])).sum())
    0.0
    """
    return np.asarray(p * (np.log(p) - np.log(q)))


# --- in words -----------------------------------------------------------------------------------


def _formula(text: str, row: TermRow, alpha: float, temperature: float) -> Msg:
    label, teacher = row.weighted(alpha, temperature)
    total = label + teacher
    return Msg(
        text,
        {
            "alpha": alpha,
            "rest": round(1 - alpha, 6),
            "T": temperature,
            "ce": significant(row.task),
            "kl": significant(row.kl),
            "label": significant(label),
            "teacher": significant(teacher),
            "total": significant(total),
            "share": teacher / total if total else 0.0,
        },
    )


def _ends(alpha: float) -> Msg:
    if alpha in (0.0, 1.0):
        return Msg("lesson.loss.fact.only_labels" if alpha else "lesson.loss.fact.only_teacher")
    return Msg("lesson.loss.fact.between", {"alpha": alpha, "rest": 1 - alpha})


def _pull_msg(
    text: str, student: Tensor, teacher: Tensor, targets: Tensor, temperature: float
) -> Msg:
    with_t2, without = pull(student, teacher, temperature)
    fields = {
        "T": temperature,
        "square": significant(temperature**2),
        "with": significant(with_t2),
        "without": significant(without),
        "at_one": significant(pull(student, teacher, 1.0)[0]),
        "labels": significant(label_pull(student, targets)),
    }
    return Msg(text, fields)


def _terms_in_words(image: dict[str, float], mean: dict[str, float]) -> Msg:
    named = {
        f"{name}_{part}": significant(value)  # image_task, image_kd, …
        for name, parts in (("image", image), ("mean", mean))
        for part, value in parts.items()
    }
    return Msg("lesson.loss.terms.words", named)


def _direction(text: str, material: Material, p: Array, q: Array) -> Msg:
    forward, reverse = contributions(p, q), contributions(q, p)
    return Msg(
        text,
        {
            "forward": significant(float(forward.sum())),
            "reverse": significant(float(reverse.sum())),
            "missed": material.classes[int(forward.argmax())],
            "made_up": material.classes[int(reverse.argmax())],
        },
    )


# --- questions ----------------------------------------------------------------------------------


def _pulls(material: Material) -> dict[str, float]:
    student, teacher = (logits_of(material, role) for role in ("student", "teacher"))
    cold, hot = (pull(student, teacher, t) for t in (1.0, 8.0))
    return {
        "cold": significant(cold[1]),
        "hot": significant(hot[1]),
        "kept": significant(hot[0]),
        "times": significant(cold[1] / hot[1], 2),
    }


LESSONS.add(
    "loss",
    LessonSpec(
        show=show,
        source="Hinton et al. 2015",
        params=(
            Param("image", "choice", ""),
            Param("alpha", "float", 0.3, low=0.0, high=1.0, step=0.05),
            Param("T", "choice", 4.0, choices=TEMPERATURES),
        ),
        options={"image": lambda material: image_options(material, first="behind")},
        code="""
import torch

from kd_core.lessons.open import material_of
from kd_core.losses import Inputs, objective
from kd_core.recipes import DistilSettings, LossTerm
from kd_core.tasks import TASKS, Weighting

material = material_of({study})
row = int({image})
kd = LossTerm(name="kd", params={"T": {T}})
loss = objective(DistilSettings(alpha={alpha}, losses=(kd,)), "classification")
for images in ([row], range(len(material.targets))):
    student, teacher = (
        {"logits": torch.from_numpy(material.voice(role).logits[list(images)])}
        for role in ("student", "teacher")
    )
    targets = torch.from_numpy(material.targets[list(images)])
    ce = TASKS["classification"].loss(student, targets, Weighting())
    parts = loss(ce, Inputs(student, teacher))
    print({name: float(f"{value:.4g}") for name, value in parts.items()})
""",
        questions=(
            Question(
                "square",
                "choice",
                lambda material: "weaker",
                ("weaker", "same", "stronger"),
                numbers=_pulls,
            ),
            Question("ends", "choice", lambda material: "alone", ("alone", "copy", "half")),
            Question("by_hand", "number", lambda material: 0.5, tolerance=0.005),
            Question(
                "bits",
                "number",
                lambda material: 0.0969 / math.log(2),
                tolerance=0.0011,
                unit="bit",
            ),
        ),
    ),
)
