"""Images that are worth a look: choices of a lesson's control that shows one image.

An image's plain value is its place in the validation part, so that a link shows the same one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kd_core.evaluate.decide import to_probabilities
from kd_core.lessons.material import Material
from kd_core.lessons.spec import Photo
from kd_core.text import Msg

Array = NDArray[np.float64]

EACH = 2
"""Images of every class beside the special ones."""


def soft(logits: NDArray[np.floating], temperature: float = 1.0) -> Array:
    """Softened probabilities ``softmax(z / T)``, (N, K).

    >>> soft(np.array([[2.0, 0.0]]), 1e9).round(3).tolist()
    [[0.5, 0.5]]
    """
    return to_probabilities(np.asarray(logits, np.float64) / temperature, "classification")


def entropy(probabilities: Array) -> Array:
    """How undecided each answer is, in nats: ``−Σ_k p_k ln p_k``, (N,); at most ln K.

    >>> entropy(np.array([[1.0, 0.0], [0.5, 0.5]])).round(4).tolist()
    [0.0, 0.6931]
    """
    safe = np.where(probabilities > 0, probabilities, 1.0)
    return -(probabilities * np.log(safe)).sum(1) + 0.0


def image_options(material: Material, first: str = "typical") -> list[tuple[str, Msg]]:
    """Images with something to see, each once.

    A typical one, the easiest, the most confusing and the hardest for the teacher, the one where
    the student is furthest behind, and some of every class.

    Args:
        material: The study.
        first: Which of the special ones leads, and so is shown until another is chosen.
    """
    rows = np.arange(len(material.targets))
    teacher, student = (soft(material.voice(role).logits) for role in ("teacher", "student"))
    of_teacher, of_student = teacher[rows, material.targets], student[rows, material.targets]
    special = {
        "typical": int(np.argsort(of_teacher, kind="stable")[len(of_teacher) // 2]),
        "easiest": int(of_teacher.argmax()),
        "confused": int(entropy(teacher).argmax()),
        "hardest": int(of_teacher.argmin()),
        "behind": int((of_teacher - of_student).argmax()),
    }
    found: dict[int, Msg] = {}
    for kind, row in sorted(special.items(), key=lambda item: item[0] != first):
        found.setdefault(row, _named(f"lesson.image.{kind}", material, row))
    for k in range(len(material.classes)):
        of_class = np.flatnonzero(material.targets == k)
        order = of_class[np.argsort(of_teacher[of_class], kind="stable")]
        places = np.linspace(0, len(order) - 1, EACH + 2)[1:-1].round().astype(int)
        for row in order[places].tolist() if len(order) else ():
            found.setdefault(row, _named("lesson.image.of_class", material, row))
    return [(str(row), text) for row, text in found.items()]


def chosen_image(material: Material, values: Mapping[str, Any], name: str = "image") -> int:
    """The place of the image that is meant; the typical one where there is no such image."""
    value = str(values.get(name, ""))
    if value.isdecimal() and int(value) < len(material.targets):
        return int(value)
    return int(image_options(material)[0][0])


def photo(material: Material, row: int, px: int = 160) -> Photo:
    """An image with what it is, and what teacher and student take it for."""
    said = {
        role: material.classes[int(material.voice(role).logits[row].argmax())]
        for role in ("teacher", "student")
    }
    true = material.classes[int(material.targets[row])]
    return Photo(material.images[row], Msg("lesson.image.caption", {"true": true, **said}), px)


def _named(text: str, material: Material, row: int) -> Msg:
    return Msg(text, {"class": material.classes[int(material.targets[row])], "number": row})
