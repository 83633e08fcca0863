"""Why models are made small: the study's teacher and student on one picture."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from kd_core.evaluate import METRICS
from kd_core.figures.lesson_small import Side, sides_figure, sides_info
from kd_core.figures.probability_bars import (
    Answered,
    probability_bars_figure,
    probability_bars_info,
)
from kd_core.lessons.images import chosen_image, image_options, photo, soft
from kd_core.lessons.material import Material
from kd_core.lessons.spec import LESSONS, LessonSpec, Picture, Question, Shown, Values
from kd_core.registry import Param
from kd_core.study.records import ScoreRecord
from kd_core.study.results import Result
from kd_core.text import Msg, significant

BOTH = ("teacher", "student")
MS = 1e-3
ASKED = 2000
"""Images of the question about time."""


def show(material: Material, values: Values) -> Shown:
    """What both models say of an image, and what they cost for a number of images."""
    row, images = chosen_image(material, values), int(values["images"])
    found = {role: material.voice(role).result for role in BOTH}
    metric = metric_of(found["teacher"])
    sides = sides_info(_sides(found, metric, images))
    return Shown(
        pictures=(
            Picture("costs", sides, sides_figure, _costs_in_words(found, metric, images)),
            _answers(material, row),
        ),
        facts=_facts(found, metric, images),
        photos=(photo(material, row),),
        notes=_notes(material, found, metric),
    )


def metric_of(result: Result) -> str:
    """The first metric of the task that a model has a score of."""
    return next(name for name in METRICS if name in result.scores)


def seconds(result: Result, images: int) -> float:
    """How long a model takes for some images one by one: n · p50; NaN where none was measured."""
    measured = result.latency()
    return images * measured.latency_ms_p50 * MS if measured else math.nan


def _sides(found: dict[str, Result], metric: str, images: int) -> list[Side]:
    teacher, student = (found[role] for role in BOTH)
    one, other = (_ends(result.scores[metric]) for result in (teacher, student))
    works = [math.nan if r.model.macs is None else float(r.model.macs) for r in found.values()]
    return [
        Side("score", one[0], other[0], one[1], other[1]),
        Side("size", teacher.model.size_bytes, student.model.size_bytes),
        Side("work", works[0] / 1e6, works[1] / 1e6),
        Side("time", seconds(teacher, images), seconds(student, images)),
    ]


def _ends(score: ScoreRecord) -> tuple[float, tuple[float, ...]]:
    """A score with the ends of its interval, as far as they are known."""
    value = math.nan if score.value is None else score.value
    if score.low is None or score.high is None:
        return value, ()
    return value, (score.low, score.high)


def _answers(material: Material, row: int) -> Picture:
    """Probabilities of both for one image."""
    answers = {role: soft(material.voice(role).logits[row : row + 1])[0] for role in BOTH}
    info = probability_bars_info(
        material.classes,
        [Answered(material.voice(role).name, tuple(p.tolist())) for role, p in answers.items()],
    )
    said: dict[str, Any] = {}
    for role, p in answers.items():
        said |= {role: material.classes[int(p.argmax())], f"p_{role}": float(p.max())}
    true = material.classes[int(material.targets[row])]
    words = Msg("lesson.small.answers.words", {"true": true, **said})
    return Picture("answers", info, probability_bars_figure, words)


# --- in words -----------------------------------------------------------------------------------


def _scored(score: ScoreRecord) -> Msg:
    if score.low is None:
        return Msg("lesson.small.score.plain", {"value": score.value})
    fields = {"value": score.value, "low": score.low, "high": score.high}
    return Msg("lesson.small.score", fields)


def _facts(found: dict[str, Result], metric: str, images: int) -> tuple[Msg, ...]:
    sizes = {role: result.model.size_bytes for role, result in found.items()}
    size = Msg("lesson.small.fact.size", {**sizes, "times": _times(sizes)})
    times = {role: seconds(result, images) for role, result in found.items()}
    scores: dict[str, Any] = {role: _scored(r.scores[metric]) for role, r in found.items()}
    scores["metric"] = Msg(f"metric.{metric}.title")
    score = Msg("lesson.small.fact.score", scores)
    if math.isnan(sum(times.values())):
        return size, Msg("lesson.small.fact.no_time"), score
    shown = {role: significant(value, 3) for role, value in times.items()}
    fields = {**shown, "n": images, "times": _times(times)}
    return size, Msg("lesson.small.fact.time", fields), score


def _times(of: Mapping[str, float]) -> float:
    """How many times the student fits into the teacher, to three digits."""
    return significant(of["teacher"] / of["student"], 3)


def _costs_in_words(found: dict[str, Result], metric: str, images: int) -> Msg:
    told = {
        role: Msg(
            "lesson.small.costs.one",
            {
                "size": result.model.size_bytes,
                "seconds": significant(seconds(result, images), 3),
                "score": result.scores[metric].value,
            },
        )
        for role, result in found.items()
    }
    return Msg("lesson.small.costs.words", {**told, "n": images})


def _notes(material: Material, found: dict[str, Result], metric: str) -> tuple[Msg, ...]:
    n = len(material.targets)
    drawn = "images" if material.patients is None else "patients"
    title = Msg(f"metric.{metric}.title")
    notes = [Msg(f"lesson.small.note.score_{drawn}", {"n": n, "metric": title})]
    measured = found["teacher"].latency()
    if measured:
        fields = {
            "cpu": measured.cpu,
            "threads": measured.threads,
            "runtime": measured.runtime,
            "repeats": measured.repeats,
            "size": measured.size,
        }
        notes.append(Msg("lesson.small.note.time", fields))
    return tuple(notes)


# --- questions ----------------------------------------------------------------------------------


def _numbers(material: Material) -> dict[str, Any]:
    found = {role: material.voice(role).result for role in BOTH}
    sizes = {role: result.model.size_bytes for role, result in found.items()}
    ms = {role: significant(seconds(result, 1) / MS, 3) for role, result in found.items()}
    return {
        **sizes,
        "times": _times(sizes),
        "ms": ms["teacher"],
        "seconds": significant(ASKED * ms["teacher"] * MS),  # as a reader multiplies it
        "student_ms": ms["student"],
        "student_seconds": significant(ASKED * ms["student"] * MS),
        "n": ASKED,
    }


LESSONS.add(
    "small",
    LessonSpec(
        show=show,
        source="Buciluă et al. 2006",
        params=(
            Param("image", "choice", ""),
            Param("images", "int", 1000, low=100, high=20_000, step=100),
        ),
        options={"image": image_options},
        code="""
from kd_core.lessons.open import material_of

material = material_of({study})
teacher, student = (material.voice(role).result for role in ("teacher", "student"))
print("file", teacher.model.size_bytes / student.model.size_bytes, "times smaller")
for one in (teacher, student):
    measured = one.latency()  # on this machine, one image at a time
    if measured:
        print(one.arm, {images} * measured.latency_ms_p50 / 1000, "s for", {images}, "images")
row = int({image})
for role in ("teacher", "student"):
    print(role, "says", material.classes[material.voice(role).logits[row].argmax()])
""",
        questions=(
            Question(
                "times",
                "number",
                lambda material: float(_numbers(material)["times"]),
                share=0.03,
                numbers=_numbers,
            ),
            Question(
                "seconds",
                "number",
                lambda material: float(_numbers(material)["seconds"]),
                share=0.03,
                numbers=_numbers,
                unit="s",
            ),
            Question(
                "promise",
                "choice",
                lambda material: "right",
                ("offline", "battery", "right"),
                numbers=_numbers,
            ),
        ),
    ),
)
