"""Models on corrupted images: started as a run of the study, shown as curves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from app import readings, results_stamp
from app.readings import Reading
from app.results_views import left_out
from app.services import look_at_robustness, services
from app.texts import entry_title, number, say, show_error
from app.theme import is_dark
from app.visitor import may, may_change
from kd_core.config import AnalysisSettings
from kd_core.data.corruptions import CORRUPTIONS, fitting
from kd_core.errors import KDLabError
from kd_core.evaluate.robustness import Robustness
from kd_core.figures.robustness import robustness_figure, robustness_info
from kd_core.study.robustness_look import Look, read_look
from kd_core.study.rows import ACTIVE, RunRow

OFTEN_S = 2.0


def show(reading: Reading) -> None:
    """Looks that are finished, one that is going on, and the way to start another."""
    store = services().store
    runs = [run for run in store.runs(study=reading.study.id) if run.role == "analysis"]
    active = [run for run in runs if run.status in ACTIVE]
    looks = [
        (run, look)
        for run in reversed(runs)
        if run.status == "finished" and (look := read_look(store.folder(run.id))) is not None
    ]
    for run in runs:
        if run.status == "failed" and run.error is not None:
            st.error(say(run.error.msg), icon=":material/error:")
    if looks:
        _choose(reading, looks)
    elif not active:
        st.info(say("robust.none"), icon=":material/blur_on:")
    if active:
        _follow(active[0].id)
    else:
        _form(reading)


def _choose(reading: Reading, looks: list[tuple[RunRow, Look]]) -> None:
    left, right = st.columns(2)
    place = left.selectbox(
        say("robust.look"),
        range(len(looks)),
        format_func=lambda i: say(
            "robust.look.line",
            part=say(f"part.{looks[i][1].part}"),
            key=looks[i][0].key,
            n=next(iter(looks[i][1].metrics.values())).n_images,
        ),
        key="robust-look",
    )
    _, look = looks[place or 0]
    metric = right.selectbox(
        say("results.metric"),
        list(look.metrics),
        format_func=lambda name: say(f"metric.{name}.title"),
        key="robust-metric",
    )
    found = _named(look.metrics[metric or next(iter(look.metrics))], reading)
    figure = robustness_figure(robustness_info(found), say, is_dark())
    st.plotly_chart(figure, width="stretch", theme=None, key="robust-figure")
    n = {"n": found.n_images, "all": look.all, "patients": found.n_patients}
    st.caption(say("robust.about", part=say(f"part.{look.part}"), **n))
    left_out(found.metric, found.left_out)
    _means(found)
    results_stamp.show(reading)


def _named(found: Robustness, reading: Reading) -> Robustness:
    """The same with models called as everywhere on the page."""
    names = {arm: readings.arm_name(arm, group) for arm, group in reading.arms.items()}
    curves = tuple(replace(one, model=names.get(one.model, one.model)) for one in found.curves)
    means = tuple(replace(one, model=names.get(one.model, one.model)) for one in found.means)
    reference = names.get(found.reference, found.reference)
    return replace(found, curves=curves, means=means, reference=reference)


def _means(found: Robustness) -> None:
    rows = [
        {
            "model": one.model,
            **{
                name: _estimate(getattr(one, name), kind)
                for name, kind in (
                    ("mean", "score"), ("drop", "points"), ("extra_drop", "points"),
                    ("error_ratio", "number"),
                )
            },
        }
        for one in found.means
    ]  # fmt: skip
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        width="stretch",
        column_config={name: say(f"robust.column.{name}") for name in rows[0]},
    )
    st.caption(say("robust.means.about", reference=found.reference))


def _estimate(one: Any, kind: str) -> str:
    value, low, high = (number(round(v, 3), kind) for v in (one.value, one.low, one.high))
    return f"{value} ({low} … {high})"


@st.fragment(run_every=OFTEN_S)
def _follow(run_id: str) -> None:
    """How far the look is; one rerun of the page when it has ended."""
    run = services().store.run(run_id)
    if run.status not in ACTIVE:
        st.rerun()
    share = (run.done or 0) / max(1, run.total or 1)
    if run.status == "running":
        left = {} if run.left_s is None else {"left": run.left_s}
        st.progress(
            share, say("robust.running.left" if left else "robust.running", share=share, **left)
        )
    else:
        st.info(say("robust.queued"), icon=":material/hourglass_top:")


def _form(reading: Reading) -> None:
    if not (may("start") and may_change(reading.study.owner)):
        return
    record = services().store.record(reading.results[0].run.id)
    known = fitting(record.data.channels)
    with st.expander(say("robust.new"), icon=":material/add:", expanded=False):
        left, right = st.columns([3, 1])
        kinds = left.multiselect(
            say("robust.corruptions"),
            known,
            default=list(known),
            format_func=lambda name: entry_title(CORRUPTIONS, name),
            key="robust-kinds",
        )
        images = right.number_input(
            say("robust.images"), 50, 20_000, 500, 50, key="robust-images",
            help=say("robust.images.help"),
        )  # fmt: skip
        arms = reading.shown_arms
        chosen = st.multiselect(
            say("operating.arms"),
            list(arms),
            default=list(arms),
            format_func=lambda arm: readings.arm_name(arm, arms[arm]),
            key="robust-arms",
        )
        st.caption(say("robust.part", part=say(f"part.{_part(reading)}")))
        if st.button(
            say("robust.start"), disabled=not (kinds and chosen), icon=":material/play_arrow:",
            key="robust-start",
        ):  # fmt: skip
            wanted = AnalysisSettings(
                part=_part(reading), corruptions=tuple(kinds), images=int(images)
            )
            try:
                found = [result for arm in chosen for result in arms[arm]]
                look_at_robustness(reading.study.id, found, wanted)
            except KDLabError as error:
                show_error(error)
                return
            st.rerun()


def _part(reading: Reading) -> Any:
    """External sets are not looked at."""
    return "test" if reading.part == "test" else "val"
