"""History on one screen: who had which idea when, and which entry of ours implements it."""

from __future__ import annotations

from typing import Any

from kd_core.figures.lesson_history import Step, staircase_figure, staircase_info
from kd_core.lessons.material import Material
from kd_core.lessons.papers import LANES, PAPERS, Paper
from kd_core.lessons.spec import LESSONS, LessonSpec, Picture, Question, Shown, Values
from kd_core.losses import LOSSES
from kd_core.registry import Entry, Param
from kd_core.text import Msg
from kd_core.train.modes import MODES

FIRST, LAST = PAPERS[0].year, PAPERS[-1].year
BY_NAME = {paper.name: paper for paper in PAPERS}


def show(material: Material, values: Values) -> Shown:
    """The papers up to a year, and one of them in full; the material plays no part."""
    paper, until = BY_NAME[str(values["paper"])], int(values["until"])
    steps = [Step(p.short, p.when, p.lane, p.reference) for p in PAPERS]
    info = staircase_info(steps, LANES, until + 1, PAPERS.index(paper))
    told = [p for p in PAPERS if p.year <= until]
    named = [_named(p) for p in told]
    return Shown(
        pictures=(
            Picture(
                "staircase",
                info,
                staircase_figure,
                Msg("lesson.history.words", {"papers": named, "until": str(until)}),
            ),
        ),
        facts=(
            Msg(f"lesson.history.paper.{paper.name}"),
            Msg("lesson.history.fact.reference", _fields(paper)),
            Msg("lesson.history.fact.ours" if paper.is_ours else "lesson.history.fact.nearest", {
                "entry": paper.entry,
                "title": Msg(f"{paper.kind}.{paper.entry}.title"),
                "where": Msg(f"lesson.history.where.{paper.kind}"),
            }),
        ),
        notes=(
            Msg("lesson.history.note"),
            *(Msg("lesson.history.line", _fields(p)) for p in told),
        ),
    )  # fmt: skip


def entry_of(paper: Paper) -> Entry:
    """Our entry that implements a paper, or the nearest."""
    return LOSSES[paper.entry] if paper.kind == "loss" else MODES[paper.entry]


def _fields(paper: Paper) -> dict[str, Any]:
    return {
        "authors": paper.authors,
        "title": paper.title,
        "venue": paper.venue,
        "url": paper.url,
        "name": paper.short,
    }


def _options(material: Material) -> list[tuple[str, Msg]]:
    return [(p.name, _named(p)) for p in PAPERS]


def _named(paper: Paper) -> Msg:
    return Msg("lesson.history.option", {"name": paper.short, "year": str(paper.year)})


LESSONS.add(
    "history",
    LessonSpec(
        show=show,
        params=(
            Param("paper", "choice", "kd"),
            Param("until", "int", LAST, low=FIRST, high=LAST, step=1),
        ),
        options={"paper": _options},
        code="""
from kd_core.lessons.history import PAPERS, entry_of

for paper in PAPERS:
    if paper.year <= {until}:
        print(paper.year, paper.short, "->", paper.entry, "|", entry_of(paper).source)
print([paper.reference for paper in PAPERS if paper.name == {paper}])
""",
        questions=(
            Question(
                "years",
                "number",
                lambda material: BY_NAME["kd"].year - BY_NAME["compression"].year,
            ),
            Question(
                "first_hint",
                "choice",
                lambda material: "fitnets",
                ("compression", "fitnets", "rkd"),
            ),
            Question(
                "no_data",
                "choice",
                lambda material: "lopes",
                ("kd", "lopes", "dkd"),
            ),
        ),
        tasks=("classification", "multilabel"),
    ),
)
