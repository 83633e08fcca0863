"""Offline, online, self: who teaches whom, when, and at what cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kd_core.figures.lesson_diagram import Curve, ModeRun, modes_info
from kd_core.figures.lesson_modes import modes_figure
from kd_core.figures.lesson_work import work_figure, work_info
from kd_core.lessons import made_modes
from kd_core.lessons.made_modes import Course, Modes
from kd_core.lessons.material import Material
from kd_core.lessons.spec import LESSONS, LessonSpec, Picture, Question, Shown, Values
from kd_core.registry import Param
from kd_core.text import Msg

WAYS = tuple(name for name in made_modes.PARAMS if name != "alone")
HUNDRED = 100


def show(material: Material, values: Values) -> Shown:
    """The diagram of one mode at a moment, its curves, and what it costs."""
    found: Modes = material.made["modes"]
    way, share = values["way"], values["over"] / HUNDRED
    course = found.courses[way]
    note = _note(material, found)
    if course.refused is not None:
        why = Msg.from_json(course.refused)
        return Shown(facts=(Msg("lesson.modes.refused", {"why": why}),), notes=(note,))
    alone = found.courses["alone"].curves["student"]
    run = modes_info(way, course.curves, alone, share, found.metric)
    now = [_says(curve, run.moment) for curve in run.curves]
    words = {"who": Msg(f"lesson.modes.who.{way}"), "now": now, "over": share}
    return Shown(
        pictures=(
            Picture("modes", run, modes_figure, Msg("lesson.modes.modes.words", words), wide=True),
            _cost(found, way),
        ),
        facts=(
            Msg(f"lesson.modes.who.{way}"),
            Msg("lesson.modes.now", {"phase": _phase(run), "now": now}),
            _cost_in_words(course),
        ),
        notes=(note,),
    )


def total(course: Course) -> float:
    """Work of a mode over that of the student alone.

    >>> total(Course({}, {"student": 1.0, "beside": 1.0}))
    2.0
    """
    return sum(course.work.values())


def _says(curve: Curve, moment: float) -> Msg:
    past = curve.until(moment)
    name = Msg(f"figure.lesson.box.{curve.name}")
    if not past:
        return Msg("lesson.modes.untrained", {"name": name})
    return Msg("lesson.modes.value", {"name": name, "value": past[-1][1]})


def _phase(run: ModeRun) -> Msg:
    if run.moment >= run.phases:
        return Msg("lesson.modes.over")
    return Msg(f"figure.lesson.phase.{run.mode}.{run.phase(run.moment)}")


def _cost(found: Modes, way: str) -> Picture:
    works = {name: course.work for name, course in found.courses.items() if course.work}
    info = work_info(works, way)
    costs = [
        Msg(
            "lesson.modes.times",
            {"mode": Msg(f"lesson.modes.mode.{name}"), "times": round(bar.total, 1)},
        )
        for name, bar in zip(works, info.bars, strict=True)
    ]
    return Picture("work", info, work_figure, Msg("lesson.modes.work.words", {"costs": costs}))


def _cost_in_words(course: Course) -> Msg:
    parts = [
        Msg(f"lesson.modes.part.{name}", {"times": round(value, 2)})
        for name, value in course.work.items()
        if value and name != "student"
    ]
    return Msg("lesson.modes.cost", {"times": round(total(course), 2), "parts": parts})


def _note(material: Material, found: Modes) -> Msg:
    return Msg(
        "lesson.modes.note",
        {
            "study": material.name,
            "images": found.images,
            "steps": found.steps,
            "alpha": found.alpha,
            "T": found.T,
            "metric": Msg(f"metric.{found.metric}.title"),
            "n": len(material.targets),
        },
    )


# --- questions ----------------------------------------------------------------------------------


def _work_of_two(material: Material) -> float:
    return total(material.made["modes"].courses["mutual"])


def _numbers(material: Material) -> Mapping[str, Any]:
    found: Modes = material.made["modes"]
    return {
        "both": round(_work_of_two(material), 2),
        "ratio": round(found.macs["teacher"] / found.macs["student"], 1),
        "before": round(found.courses["offline"].work.get("before", 0.0), 1),
    }


LESSONS.add(
    "modes",
    LessonSpec(
        show=show,
        source="Hinton et al. 2015; Zhang et al. 2018; Furlanello et al. 2018; Zhang et al. 2019",
        params=(
            Param("way", "choice", "offline", choices=WAYS),
            Param("over", "int", 80, low=0, high=HUNDRED, step=5, unit="%"),
        ),
        needs=("modes",),
        code="""
from kd_core.lessons.made_modes import distil_of
from kd_core.lessons.modes import total
from kd_core.lessons.open import material_of

found = material_of({study}).made["modes"]
print(distil_of({way}, found.alpha, found.T))  # the settings of this run
course = found.courses[{way}]
print([round(value, 3) for value in course.curves["student"]])  # after each epoch
print(f"{total(course):.2f} times the work of the student alone")
""",
        questions=(
            Question(
                "fixed",
                "choice",
                lambda material: "offline",
                ("offline", "mutual", "exits"),
                numbers=_numbers,
            ),
            Question("two", "number", _work_of_two, tolerance=0.05, numbers=_numbers),
            Question(
                "self",
                "choice",
                lambda material: "earlier",
                ("earlier", "larger", "nobody"),
            ),
        ),
    ),
)
