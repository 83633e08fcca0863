"""Reading a trade-off plot: a budget, who remains, and why a small gain may be nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from kd_core.figures.lesson_budget import budget_figure, budget_info
from kd_core.figures.lesson_draws import draws_figure, draws_info, gaps_figure, gaps_info
from kd_core.figures.trade_off import ModelPoint
from kd_core.latency.devices import DEVICES, device_title
from kd_core.lessons.material import Material
from kd_core.lessons.spec import LESSONS, LessonSpec, Picture, Question, Shown, Values
from kd_core.lessons.tradeoff_draws import (
    REPEATS,
    SMALL,
    Drawn,
    drawn_again,
    pair_of,
    pair_options,
    verdict_of,
)
from kd_core.lessons.tradeoff_models import (
    MARGIN,
    METRIC,
    budget_ms,
    choose_of,
    device_options,
    models_on,
)
from kd_core.registry import Param
from kd_core.study.budget import Budget, candidates
from kd_core.study.costs import THIS_MACHINE
from kd_core.study.recommend import Recommendation, reasons
from kd_core.text import Msg

BUDGETS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90, 100, 120, 150)
"""Places of the slider, in percent of the teacher's time."""


def show(material: Material, values: Values) -> Shown:
    """The models against a latency budget, and two of them on drawn validation images."""
    device, number = str(values["device"]), int(values["draw"])
    models = models_on(material, device)
    budget = _within(models, float(values["budget"]))
    pair = pair_of(material, str(values["pair"]))
    drawn = drawn_again(pair)
    names = (pair[0].result.label, pair[1].result.label)
    words = _draws_in_words(names, drawn, number)
    again = drawn.seen, drawn.drawn, number
    return Shown(
        pictures=(
            *_budget_picture(models, budget),
            Picture("draws", draws_info(names, *again), draws_figure, words),
            Picture("gaps", gaps_info(names, *again), gaps_figure, _gaps_in_words(names, drawn)),
        ),
        facts=(
            *_budget_facts(budget, device, float(values["budget"])),
            words,
            _gaps_in_words(names, drawn),
            Msg(
                "lesson.tradeoff.fact.verdict",
                {"first": names[0], "second": names[1], "verdict": verdict_of(pair).msg},
            ),
        ),
        notes=_notes(models, device, drawn),
    )


# --- the budget ---------------------------------------------------------------------------------


class _Within(NamedTuple):
    """What a budget leaves."""

    limit: float
    kinds: pd.DataFrame
    within: pd.DataFrame
    found: Recommendation


def _within(models: pd.DataFrame, percent: float) -> _Within | None:
    """The budget and what it leaves; ``None`` where no time is known."""
    if models["latency_ms"].isna().all():
        return None
    limit, kinds = budget_ms(models, percent), candidates(models, METRIC)
    return _Within(limit, kinds, *choose_of(kinds, limit))


def _budget_picture(models: pd.DataFrame, budget: _Within | None) -> tuple[Picture, ...]:
    if budget is None:
        return ()
    limit, _, within, found = budget
    known = models[models["latency_ms"].notna()]
    chosen = "" if found.best is None else str(within.iloc[found.best]["arm"])
    info = budget_info(
        [_point(row) for row in known.to_dict("records")],
        list(zip(known["low_ms"], known["high_ms"], strict=True)),
        METRIC,
        limit,
        chosen,
        [str(arm) for arm in within["arm"]],
    )
    words = {"limit": limit, "remain": _arms(within), "n": len(within)}
    return (
        Picture(
            "budget",
            info,
            budget_figure,
            Msg("lesson.tradeoff.budget.words", words),
            wide=True,
        ),
    )


def _point(row: Mapping[Any, Any]) -> ModelPoint:
    kept = ("label", "arm", "role", "seed", "size_bytes", "latency_ms", "macs", "params")
    return ModelPoint(
        **{name: row[name] for name in kept},
        value=row[f"value.{METRIC}"],
        low=row[f"low.{METRIC}"],
        high=row[f"high.{METRIC}"],
        latency_source=str(row["source"]),
    )


def _budget_facts(budget: _Within | None, device: str, percent: float) -> tuple[Msg, ...]:
    if budget is None:
        return (Msg("lesson.tradeoff.fact.no_time", {"device": _title(device)}),)
    limit, kinds, within, found = budget
    fields = {
        "limit": limit,
        "percent": percent / 100,
        "device": _title(device),
        "remain": _arms(within),
        "n": len(kinds),
        "kept": len(within),
    }
    if found.best is None:
        return (Msg("lesson.tradeoff.fact.none", fields),)
    best = within.iloc[found.best]
    facts = [
        Msg("lesson.tradeoff.fact.remain", fields),
        Msg(
            "lesson.tradeoff.fact.take",
            {"name": _name(best), "why": reasons(found, within, METRIC, MARGIN)},
        ),
    ]
    careful = int(Budget({"latency_ms": limit}, careful=True).within(within).sum())
    if careful < len(within):
        facts.append(Msg("lesson.tradeoff.fact.careful", {"careful": careful, "n": len(within)}))
    return tuple(facts)


def _arms(kinds: pd.DataFrame) -> list[Msg | str]:
    return [_name(row) for _, row in kinds.iterrows()]


def _name(row: pd.Series) -> Msg | str:
    role = str(row["role"])
    return Msg(f"role.{role}") if role in ("teacher", "baseline") else str(row["arm"])


def _title(device: str) -> Msg:
    if device == THIS_MACHINE:
        return Msg("tradeoffs.this_machine")
    return device_title(device, DEVICES[device])


# --- the draws ----------------------------------------------------------------------------------


def _draws_in_words(names: tuple[str, str], drawn: Drawn, number: int) -> Msg:
    seen = {"first": names[0], "second": names[1], "a": drawn.seen[0], "b": drawn.seen[1]}
    if number == 0:
        return Msg("lesson.tradeoff.draws.none", {**seen, "n": drawn.n_images})
    a, b = (float(value) for value in drawn.drawn[:, number - 1])
    order = "same" if drawn.flips(number) == drawn.flips(number - 1) else "flipped"
    order = "level" if a == b else order
    return Msg(
        f"lesson.tradeoff.draws.{order}",
        {
            **seen,
            "number": number,
            "now_a": a,
            "now_b": b,
            "flips": drawn.flips(number),
        },
    )


def _gaps_in_words(names: tuple[str, str], drawn: Drawn) -> Msg:
    return Msg(
        "lesson.tradeoff.gaps.words",
        {
            "first": names[0],
            "second": names[1],
            "flips": drawn.flips(),
            "ties": drawn.ties(),
            "repeats": REPEATS,
            "share": drawn.flips() / REPEATS,
            "gap": drawn.seen[0] - drawn.seen[1],
        },
    )


def _notes(models: pd.DataFrame, device: str, drawn: Drawn) -> tuple[Msg, ...]:
    measured = device == THIS_MACHINE
    what = "patients" if drawn.of_patients else "images"
    notes = [
        Msg("lesson.tradeoff.note.measured" if measured else "lesson.tradeoff.note.estimated"),
        Msg(f"lesson.tradeoff.note.{what}", {"n": drawn.n_units, "images": drawn.n_images}),
    ]
    missing = models.loc[models["latency_ms"].isna(), "label"].tolist()
    if missing and len(missing) < len(models):
        notes.append(Msg("lesson.tradeoff.note.missing", {"names": missing}))
    return tuple(notes)


# --- questions ----------------------------------------------------------------------------------


def _counts(material: Material) -> dict[str, object]:
    pair = pair_of(material, "near")
    drawn, n = drawn_again(pair), len(material.targets)
    return {
        "n": n,
        "images": SMALL * n,
        "small": SMALL,
        "flips": drawn.flips(),
        "repeats": REPEATS,
        "gap": abs(drawn.seen[0] - drawn.seen[1]),
        "verdict": verdict_of(pair).msg,
    }


def _which(material: Material) -> str:
    return "first" if verdict_of(pair_of(material, "near")).kind == "better" else "unknown"


LESSONS.add(
    "tradeoff",
    LessonSpec(
        show=show,
        params=(
            Param("device", "choice", THIS_MACHINE),
            Param("budget", "choice", 100, choices=BUDGETS, unit="%"),
            Param("pair", "choice", "near"),
            Param("draw", "int", 0, low=0, high=REPEATS),
        ),
        options={"device": device_options, "pair": pair_options},
        again=("draw",),
        code="""
from kd_core.lessons.open import material_of
from kd_core.lessons.tradeoff_draws import drawn_again, pair_of, verdict_of
from kd_core.lessons.tradeoff_models import budget_ms, choose, models_on

material = material_of({study})
models = models_on(material, {device})
limit = budget_ms(models, {budget})
within, found = choose(models, limit)
print(f"{limit:.4g} ms:", within[["arm", "latency_ms", "value"]].round(4).to_dict("records"))
if found.best is not None:
    print("take", within.iloc[found.best]["arm"])

pair = pair_of(material, {pair})
drawn = drawn_again(pair)  # 200 draws of the validation images' patients, with replacement
draw = {draw}
print(drawn.drawn[:, draw - 1] if draw else drawn.seen)
print(drawn.flips(), "of 200 draws have the other order;", verdict_of(pair).kind)
""",
        questions=(
            Question(
                "images",
                "number",
                lambda material: SMALL * len(material.targets),
                tolerance=0.051,
                numbers=_counts,
            ),
            Question(
                "nothing",
                "choice",
                _which,
                ("first", "unknown", "second"),
                numbers=_counts,
            ),
            Question(
                "rule",
                "choice",
                lambda material: "fast",
                ("best", "fast", "small"),
                numbers=lambda material: {"margin": MARGIN},
            ),
        ),
    ),
)
