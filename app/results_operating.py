"""Operating points, calibration and curves of the arms of a study."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from app import answers, readings, results_stamp
from app.readings import Reading
from app.services import services
from app.texts import number, say, show_error
from app.theme import is_dark
from kd_core.errors import KDLabError
from kd_core.evaluate import Predictions, Score, reliability
from kd_core.evaluate.calibration import Reliability
from kd_core.evaluate.curves import PrecisionRecall, RocCurve, precision_recall_of, roc_of
from kd_core.evaluate.decision_curve import DecisionCurve, decision_curve
from kd_core.evaluate.operating_scores import sensitivity_at, specificity_at
from kd_core.figures import reliability_figure, reliability_info
from kd_core.figures.decision import decision_figure, decision_info
from kd_core.figures.precision_recall import precision_recall_figure, precision_recall_info
from kd_core.figures.roc import roc_figure, roc_info
from kd_core.study.operating import positive_of
from kd_core.study.records import OperatingRecord
from kd_core.study.results import Level, Result
from kd_core.text import Msg

REPEATS = 300
SHOWN = 4
"""Arms whose curves fit into one figure."""


def show(reading: Reading) -> None:
    """Chosen arms: their operating points, and the curves that lie behind them."""
    arms = reading.shown_arms
    names = {arm: readings.arm_name(arm, group) for arm, group in arms.items()}
    left, right = st.columns([3, 2])
    chosen = left.multiselect(
        say("operating.arms"),
        list(arms),
        default=list(arms)[:3],
        format_func=names.__getitem__,
        max_selections=SHOWN,
        key="operating-arms",
    )
    if not chosen:
        st.caption(say("operating.choose"))
        return
    try:
        first = _predictions(reading, chosen[0])
        label = right.selectbox(
            say("operating.label"), _labels(first), key="operating-label",
            help=say("operating.label.help"),
        )  # fmt: skip
        _points(reading, {arm: arms[arm][0] for arm in chosen}, names)
        found = {names[arm]: curves_of(*_key(reading), arm, label) for arm in chosen}
        _fixed(reading, {names[arm]: arm for arm in chosen}, label)
    except KDLabError as error:
        show_error(error)
        return
    _figures(found)
    folds = reading.study.settings.folds
    st.caption(say("operating.first_seed.folds" if folds else "operating.first_seed"))
    results_stamp.show(reading)


def _labels(one: Predictions) -> list[str]:
    """The positive class of two, or whichever label or class is held against the rest."""
    if one.task == "classification" and len(one.classes) == 2:
        first = positive_of(one.classes)
        return [first, *(name for name in one.classes if name != first)]
    return list(one.classes)


def _key(reading: Reading) -> tuple[str, tuple[str, ...], str, bool, Level]:
    runs = readings.run_ids(reading)
    return reading.study.id, runs, reading.part, reading.opened, reading.level


def _predictions(reading: Reading, arm: str) -> Predictions:
    return answers.of_arm(*_key(reading), arm)[0]


Curves = tuple[Reliability, RocCurve, PrecisionRecall, DecisionCurve]


@st.cache_data(show_spinner=False, max_entries=60)
def curves_of(
    study_id: str,
    runs: tuple[str, ...],
    part: str,
    opened: bool,
    level: Level,
    arm: str,
    label: str,
) -> Curves:
    """Reliability, ROC, precision and recall, and decision curve of an arm's first seed."""
    one = answers.of_arm(study_id, runs, part, opened, level, arm)[0]
    return (
        reliability(one, repeats=REPEATS),
        roc_of(one, label)[0],
        precision_recall_of(one, label)[0],
        decision_curve(one, label, repeats=REPEATS)[0],
    )


def _figures(found: Mapping[str, Curves]) -> None:
    dark = is_dark()
    bins, roc, recall, decision = (
        {name: curves[i] for name, curves in found.items()} for i in range(4)
    )
    drawn = (
        (roc_figure(roc_info(roc), say, dark), "roc"),  # type: ignore[arg-type]
        (precision_recall_figure(precision_recall_info(recall), say, dark), "precision-recall"),  # type: ignore[arg-type]
        (reliability_figure(reliability_info(bins), say, dark), "reliable"),  # type: ignore[arg-type]
        (decision_figure(decision_info(decision), say, dark), "decision"),  # type: ignore[arg-type]
    )
    for start in (0, 2):
        for column, (figure, key) in zip(st.columns(2), drawn[start : start + 2], strict=True):
            with column:
                st.markdown(f"**{say(f'operating.figure.{key}')}**")
                st.plotly_chart(figure, width="stretch", theme=None, key=f"operating-{key}")


# --- tables -------------------------------------------------------------------------------------


def _points(reading: Reading, chosen: Mapping[str, Result], names: Mapping[str, str]) -> None:
    """The operating point that stands in each file, and what it does here."""
    rows, notes = [], []
    for arm, result in chosen.items():
        record = _record(result)
        if record is None:
            continue
        notes += [say(Msg.from_json(note)) for note in record.left_out]
        had = reading.scores(result)
        for point in record.points:
            row: dict[str, Any] = {"arm": names[arm], "label": point.label}
            row["threshold"] = number(point.threshold, "score")
            row["fitted"] = _two(point.sensitivity, point.specificity)
            for name in ("sensitivity", "specificity"):
                row[name] = _with_interval(had.get(f"{name}:{point.label}"))
            row["calibration"] = calibration_text(record)
            rows.append(row)
        if not record.points:
            rows.append({"arm": names[arm], "calibration": calibration_text(record)})
    if not rows:
        st.caption(say("operating.none"))
        return
    table = pd.DataFrame(rows).fillna("–")
    st.dataframe(
        table,
        hide_index=True,
        width="stretch",
        column_config={name: say(f"operating.column.{name}") for name in table.columns},
    )
    st.caption(say("operating.about"))
    for note in dict.fromkeys(notes):
        st.caption(note)


def _record(result: Result) -> OperatingRecord | None:
    record = services().store.record(result.run.id)
    return next(m for m in record.models if m.name == result.model.name).operating


def calibration_text(record: OperatingRecord) -> str:
    """A fitted calibration in short."""
    values = record.calibration
    if not values:
        return say("operating.calibration.none")
    if values["method"] == "temperature":
        return say("operating.calibration.temperature", t=values["T"])
    if isinstance(values["a"], tuple | list):
        return say("operating.calibration.lines")
    return say("operating.calibration.platt", a=values["a"], b=values["b"])


def _two(sensitivity: float | None, specificity: float | None) -> str:
    return f"{number(sensitivity, 'score')} / {number(specificity, 'score')}"


def _with_interval(found: Any) -> str:
    if found is None or found.value is None or math.isnan(found.value):
        return "–"
    ends = f"{number(found.low, 'score')} – {number(found.high, 'score')}"
    return f"{number(found.value, 'score')} ({ends})"


def _fixed(reading: Reading, chosen: Mapping[str, str], label: str) -> None:
    """Sensitivity at a specificity that is asked for, and the reverse."""
    at = st.slider(say("operating.at"), 0.5, 0.99, 0.9, 0.01, key="operating-at")
    rows = []
    for name, arm in chosen.items():
        found = at_fixed(*_key(reading), arm, label, at)
        rows.append({"arm": name, **{k: _with_interval(v) for k, v in found.items()}})
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        width="stretch",
        column_config={
            "arm": say("operating.column.arm"),
            "sensitivity": say("operating.sensitivity_at", at=at),
            "specificity": say("operating.specificity_at", at=at),
        },
    )
    st.caption(say("operating.at.about"))


@st.cache_data(show_spinner=False, max_entries=200)
def at_fixed(
    study_id: str,
    runs: tuple[str, ...],
    part: str,
    opened: bool,
    level: Level,
    arm: str,
    label: str,
    at: float,
) -> dict[str, Score]:
    """Sensitivity at a specificity of ``at``, and specificity at a sensitivity of ``at``."""
    one = replace(answers.of_arm(study_id, runs, part, opened, level, arm)[0], threshold=None)
    return {
        "sensitivity": next(iter(sensitivity_at(one, at, label, REPEATS).values())),
        "specificity": next(iter(specificity_at(one, at, label, REPEATS).values())),
    }
