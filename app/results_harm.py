"""Who is harmed when one model takes the place of another: classes, subgroups, single images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from app import answers, readings, results_stamp
from app.readings import Reading
from app.results_images import images_by_id
from app.texts import number, say, show_error
from app.theme import is_dark
from kd_core.errors import KDLabError
from kd_core.evaluate import Predictions
from kd_core.evaluate.flips import Flip, Harm, flips
from kd_core.evaluate.harm import MOST_VALUES, HarmRow, harm_table, too_wide
from kd_core.evaluate.rare import SCARCE
from kd_core.figures.harm import harm_figure, harm_info
from kd_core.study.operating import HEALTHY
from kd_core.study.results import Level

SHOWN = 24


def show(reading: Reading) -> None:
    """Choose the two models; then the table, and the images that change."""
    arms = reading.shown_arms
    if len(arms) < 2:
        st.caption(say("compare.few"))
        return
    names = {arm: readings.arm_name(arm, group) for arm, group in arms.items()}
    keys = list(arms)
    students = [a for a in keys if arms[a][0].model.role in ("student", "compressed")]
    left, right = st.columns(2)
    first = left.selectbox(say("harm.first"), keys, format_func=names.__getitem__, key="harm-first")
    last = keys.index(students[-1] if students else keys[-1])
    second = right.selectbox(
        say("harm.second"), keys, index=last, format_func=names.__getitem__, key="harm-second"
    )
    if first == second:
        st.caption(say("harm.same"))
        return
    where = (reading.part, reading.opened, reading.level)
    runs = readings.run_ids(reading)
    try:
        with st.spinner(say("harm.wait")):
            rows = rows_of(reading.study.id, runs, (first, second), reading.metric, *where)
        sides = answers.pair(reading.study.id, runs, (first, second), *where)
    except KDLabError as error:
        show_error(error)
        return
    figure = harm_figure(harm_info(rows, names[first], names[second]), say, is_dark())
    st.plotly_chart(figure, width="stretch", theme=None, key="harm-figure")
    table(rows, names[first], names[second])
    for column, n in too_wide(sides[0][0]).items():
        st.caption(say("harm.too_wide", column=column, n=n, most=MOST_VALUES))
    results_stamp.show(reading)
    _flips(reading, sides[0][0], sides[1][0])


@st.cache_data(show_spinner=False, max_entries=60)
def rows_of(
    study_id: str,
    runs: Sequence[str],
    pair: tuple[str, str],
    metric: str,
    part: str,
    opened: bool,
    level: Level,
) -> tuple[HarmRow, ...]:
    """The rows of two arms, over the seeds that both have."""
    first, second = answers.pair(study_id, runs, pair, part, opened, level)
    return harm_table(first, second, metric)


def table(rows: Sequence[HarmRow], first: str, second: str) -> None:
    """Differences with intervals; what stands after the correction is marked."""
    shown = pd.DataFrame(
        [
            {
                "who": _who(row),
                "metric": say(f"metric.{row.metric}.title"),
                "first": row.first,
                "second": row.second,
                "difference": number(row.difference, "points"),
                "interval": readings.ends(row.low, row.high, "points"),
                "p": "–" if row.kind == "all" else readings.p_text(row.p_holm),
                "n": row.n_images,
                "patients": row.n_patients,
                "mark": say("harm.mark.harmed")
                if row.harmed
                else say("harm.mark.small")
                if row.small
                else "",
            }
            for row in rows
        ]
    ).dropna(axis="columns", how="all")
    if all(row.n_images == row.n_patients for row in rows):  # answers for patients
        shown = shown.drop(columns="n")
    columns: dict[str, Any] = {name: say(f"harm.column.{name}") for name in shown.columns}
    columns["first"] = st.column_config.NumberColumn(first, format="%.3f")
    columns["second"] = st.column_config.NumberColumn(second, format="%.3f")
    st.dataframe(shown, hide_index=True, width="stretch", column_config=columns)
    st.caption(say("harm.about"))
    without = [
        say("harm.left_out.row", classes=list(row.left_out), who=_who(row))
        for row in rows
        if row.left_out
    ]
    if without:
        st.caption(say("harm.left_out", rows=without, least=SCARCE))


def _who(row: HarmRow) -> str:
    if row.kind == "all":
        return say("harm.all")
    return row.value if row.kind == "class" else f"{row.column}: {row.value}"


# --- images -------------------------------------------------------------------------------------


def _flips(reading: Reading, one: Predictions, two: Predictions) -> None:
    st.markdown(f"**{say('harm.flips')}**")
    columns = st.columns([2.4, 1, 1, 1])
    negative: list[str] = []
    if one.task == "classification":
        negative = columns[0].multiselect(
            say("flips.negative"),
            list(one.classes),
            default=[name for name in one.classes if name.lower() in HEALTHY],
            help=say("flips.negative.help"),
            key="results-negative",
        )
    usual = Harm()
    weights = [
        column.number_input(
            say(f"flips.weight.{name}"),
            0.0,
            1000.0,
            getattr(usual, name),
            1.0,
            key=f"results-{name}",
        )
        for column, name in zip(columns[1:], ("missed", "confused", "alarm"), strict=True)
    ]
    found = flips(one, two, negative, Harm(*weights))
    kinds = {k: sum(f.kind == k for f in found) for k in ("missed", "confused", "alarm", "gained")}
    st.caption(say("harm.count", all=len(found), **kinds) + " " + say("harm.order"))
    if reading.level != "image":
        st.caption(say("harm.no_images"))
        return
    _pictures(reading, one, two, found[:SHOWN])


def _pictures(reading: Reading, one: Predictions, two: Predictions, shown: list[Flip]) -> None:
    try:
        images = images_by_id(reading, [one.ids[flip.row] for flip in shown])
    except KDLabError as error:
        st.caption(say(error.msg))
        return
    with st.container(horizontal=True):
        for flip in shown:
            name = one.ids[flip.row]
            with st.container(width=130):
                if name in images:
                    st.image(images[name], width=110)
                said = {
                    "true": _answer(one, one.targets[flip.row]),
                    "first": _answer(one, one.predicted()[flip.row]),
                    "second": _answer(two, two.predicted()[flip.row]),
                }
                kind = say(f"flips.kind.{flip.kind}")
                st.caption(f"**{kind}**  \n{say('compare.caption', **said)}")


def _answer(of: Predictions, value: Any) -> str:
    if of.task == "multilabel":
        named = [n for n, v in zip(of.classes, value, strict=True) if v == 1]
        return ", ".join(named) or "–"
    return of.classes[int(value)]
