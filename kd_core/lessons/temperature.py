"""Logits, softmax and temperature: what a teacher thinks of the wrong classes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kd_core.figures.lesson_similar import similar_figure, similar_info
from kd_core.figures.lesson_softened import softened_figure, softened_info
from kd_core.figures.lesson_sure import sure_figure, sure_info
from kd_core.lessons.images import chosen_image, entropy, image_options, photo, soft
from kd_core.lessons.material import Material
from kd_core.lessons.spec import LESSONS, LessonSpec, Picture, Question, Shown, Values
from kd_core.registry import Param
from kd_core.text import Msg, significant

Array = NDArray[np.float64]

TEMPERATURES = (0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 20.0)
"""Places of the slider, in about equal ratios."""

STEPS = 5
"""Classes whose arithmetic is written out; the likeliest ones."""


def show(material: Material, values: Values) -> Shown:
    """The softened answers to one image, and over all images what the teacher finds alike."""
    row, temperature = chosen_image(material, values), float(values["T"])
    said = {role: material.voice(role).logits for role in ("teacher", "student")}  # (n, K) each
    at_t = {role: soft(logits, temperature) for role, logits in said.items()}
    plain = soft(said["teacher"][row : row + 1])[0]  # (K,)
    right = int(material.targets[row])
    bars = softened_info(
        material.classes,
        right,
        temperature,
        (said["teacher"][row], said["student"][row]),
        plain,
        (at_t["teacher"][row], at_t["student"][row]),
    )
    pictures = (
        Picture("softened", bars, softened_figure, _bars_in_words(material, at_t, row), wide=True),
        *_over_all(material, at_t, row, temperature),
    )
    return Shown(
        pictures=pictures,
        facts=_facts(material, plain, at_t["teacher"], row, temperature),
        photos=(photo(material, row),),
        steps=_steps(material, said["teacher"][row], temperature),
        notes=(Msg("lesson.temperature.note", {"n": len(material.targets)}),),
    )


def _over_all(
    material: Material, at_t: dict[str, Array], row: int, temperature: float
) -> tuple[Picture, ...]:
    """What is alike first for several classes; for two, how sure the models are."""
    rows = np.arange(len(material.targets))
    of_right = {role: p[rows, material.targets] for role, p in at_t.items()}
    alike = similar_info(
        material.classes,
        at_t["teacher"],
        material.targets,
        int(material.targets[row]),
        temperature,
    )
    middle = {role: float(np.median(values)) for role, values in of_right.items()}
    pictures = (
        Picture("similar", alike, similar_figure, _alike_in_words(material, at_t["teacher"])),
        Picture(
            "sure",
            sure_info(of_right, row, temperature),
            sure_figure,
            Msg("lesson.temperature.sure.words", {"T": temperature, **middle}),
        ),
    )
    return pictures if len(material.classes) > 2 else pictures[::-1]


# --- in words -----------------------------------------------------------------------------------


def _facts(
    material: Material, plain: Array, teacher: Array, row: int, temperature: float
) -> tuple[Msg, ...]:
    answer = teacher[row]
    order = np.argsort(-answer, kind="stable")
    first, second = (int(k) for k in order[:2])
    most = math.log(len(answer))
    nats, before = (float(entropy(p[None])[0]) for p in (answer, plain))
    facts = [
        Msg(
            "lesson.temperature.fact.image",
            {
                "T": temperature,
                "first": material.classes[first],
                "second": material.classes[second],
                "p_first": float(answer[first]),
                "p_second": float(answer[second]),
                "plain_first": float(plain[first]),
                "plain_second": float(plain[second]),
            },
        ),
        Msg(
            "lesson.temperature.fact.entropy",
            {
                "nats": nats,
                "share": nats / most,
                "k": len(answer),
                "most": most,
                "before": before,
                "share_before": before / most,
            },
        ),
    ]
    if len(material.classes) > 2:
        right = int(material.targets[row])
        near, share = nearest(teacher, material.targets, right)
        fields = {
            "true": material.classes[right],
            "near": material.classes[near],
            "share": share,
            "even": 1 / len(answer),
            "T": temperature,
        }
        facts.append(Msg("lesson.temperature.fact.near", fields))
    return tuple(facts)


def nearest(probabilities: Array, targets: NDArray[np.int64], k: int) -> tuple[int, float]:
    """The wrong class that gets most on images of class ``k``, and its mean probability.

    >>> nearest(np.array([[0.7, 0.1, 0.2]]), np.array([0]), 0)
    (2, 0.2)
    """
    mean = probabilities[targets == k].mean(0)
    wrong = np.where(np.arange(len(mean)) == k, -1.0, mean)
    return int(wrong.argmax()), float(wrong.max())


def _bars_in_words(material: Material, at_t: dict[str, Array], row: int) -> Msg:
    named = {
        role: [
            Msg("lesson.class_share", {"class": name, "share": float(p)})
            for name, p in zip(material.classes, answers[row], strict=True)
        ]
        for role, answers in at_t.items()
    }
    true = material.classes[int(material.targets[row])]
    return Msg("lesson.temperature.softened.words", {**named, "true": true})


def _alike_in_words(material: Material, teacher: Array) -> Msg:
    seen = [k for k in range(len(material.classes)) if (material.targets == k).any()]
    pairs = []
    for k in seen:
        near, share = nearest(teacher, material.targets, k)
        names = {"true": material.classes[k], "near": material.classes[near], "share": share}
        pairs.append(Msg("lesson.temperature.similar.pair", names))
    return Msg("lesson.temperature.similar.words", {"pairs": pairs})


def _steps(material: Material, logits: Array, temperature: float) -> tuple[Msg, ...]:
    """Softmax and entropy by hand, the likeliest classes first."""
    powers = np.exp(logits / temperature)
    whole = float(powers.sum())
    answer = powers / whole
    order = np.argsort(-logits, kind="stable")[:STEPS]
    lines = [
        Msg(
            "lesson.temperature.step.class",
            {
                "class": material.classes[int(k)],
                "z": round(float(logits[k]), 3),
                "T": temperature,
                "scaled": round(float(logits[k]) / temperature, 3),
                "power": significant(powers[k]),
                "whole": significant(whole),
                "p": float(answer[k]),
            },
        )
        for k in order
    ]
    return (
        Msg("lesson.temperature.step.softmax"),
        *lines,
        Msg(
            "lesson.temperature.step.entropy",
            {"nats": float(entropy(answer[None])[0]), "most": math.log(len(answer))},
        ),
    )


# --- questions ----------------------------------------------------------------------------------


def _typical(material: Material) -> dict[str, object]:
    """The teacher's mean share for its first choice at T = 1 and 4, and the largest entropy."""
    logits = material.voice("teacher").logits
    return {
        "cold": float(soft(logits).max(1).mean()),
        "warm": float(soft(logits, 4.0).max(1).mean()),
        "k": len(material.classes),
        "most": math.log(len(material.classes)),
    }


LESSONS.add(
    "temperature",
    LessonSpec(
        show=show,
        source="Hinton et al. 2015",
        params=(
            Param("image", "choice", ""),
            Param("T", "choice", 4.0, choices=TEMPERATURES),
        ),
        options={"image": image_options},
        code="""
import math

from kd_core.evaluate.decide import to_probabilities
from kd_core.lessons.images import entropy
from kd_core.lessons.open import material_of

material = material_of({study})
row, T = int({image}), {T}
z = material.voice("teacher").logits[row : row + 1]  # (1, K)
p = to_probabilities(z / T, "classification")  # softmax(z / T)
print(dict(zip(material.classes, p[0].round(4).tolist())))
print(f"entropy {entropy(p)[0]:.3f} nats of at most {math.log(p.shape[1]):.3f}")
""",
        questions=(
            Question(
                "hotter",
                "choice",
                lambda material: "flatter",
                ("sharper", "flatter", "reordered"),
                numbers=_typical,
            ),
            Question(
                "by_hand",
                "number",
                lambda material: 100 / (1 + math.exp(-1.0)),
                tolerance=1.0,
                unit="%",
            ),
            Question(
                "most",
                "number",
                lambda material: math.log(len(material.classes)),
                tolerance=0.02,
                numbers=_typical,
                unit="nats",
            ),
        ),
    ),
)
