"""Maps of two numbers, such as α × T: asked for as one study, shown, and asked by the sliders."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st

from app import distil_time, presets, readings, results_stamp
from app.cost import show_cost
from app.form import Form
from app.services import services, submit
from app.texts import number, say, show_error
from app.theme import is_dark
from kd_core.config import StudySettings
from kd_core.errors import KDLabError
from kd_core.figures.heat_map import map_figure
from kd_core.study.graph import expand
from kd_core.study.grids import Map, answers, axes, grid, is_map, read_map
from kd_core.study.models_frame import frame_version
from kd_core.study.results import by_arm, results
from kd_core.tasks import TASKS

USUAL: dict[str, str] = {"alpha": "0.1, 0.3, 0.5, 0.7, 0.9", "T": "1, 2, 4, 8"}
MOST_POINTS = 64


def controls(form: Form, place: int, task: str) -> None:
    """Two numbers with their values, the seeds, the expected time, the start."""
    st.caption(say("distil.map.about"))
    try:
        study = StudySettings.from_json(form.document)
        study = study.change(arms=(study.arms[place],))
        known = axes(study.arms[0].distil)
        if len(known) < 2:
            st.info(say("distil.map.too_few"))
            return
        x, y = _axis("x", known, 0), _axis("y", known, 1)
        seeds = st.number_input(say("distil.seeds"), 1, 20, 2, key="map-seeds")
        if x[0] == y[0] or not x[1] or not y[1] or len(x[1]) * len(y[1]) > MOST_POINTS:
            st.warning(say("distil.map.wrong", most=MOST_POINTS))
            return
        name = say("distil.map.name", name=study.name, x=x[0], y=y[0])[:120]
        made = grid(study, x, y, range(int(seeds)), name)
        points, runs = len(x[1]) * len(y[1]), len(expand(made))
        st.caption(say("distil.map.runs", points=points, trials=points, n=runs))
        cost = show_cost(made, key="map")
        if st.button(say("distil.map.start"), key="map-start", type="primary"):
            st.session_state["study"] = submit(
                made, reuse=True, expected_s=cost.runs if cost else None
            )
            st.query_params["study"] = st.session_state["study"]
            st.rerun()
    except KDLabError as error:
        show_error(error)


def _axis(side: str, known: dict[str, float], usual: int) -> tuple[str, list[float]]:
    left, right = st.columns([1, 2])
    with left:
        of: str = st.selectbox(
            say(f"distil.map.{side}"),
            list(known),
            index=usual,
            key=f"map-{side}",
            format_func=distil_time.title,
        )
    with right:
        text = USUAL.get(of.rpartition(".")[2], _near(known[of]))
        given = st.text_input(say("distil.map.values"), text, key=f"map-{side}-values-{of}")
    return of, _numbers(given)


def _near(value: float) -> str:
    """Values a factor of two apart around the present one."""
    return ", ".join(f"{(value or 1.0) * factor:g}" for factor in (0.25, 0.5, 1, 2, 4))


def _numbers(text: str) -> list[float]:
    """The numbers of a list that a person typed; none where one of them is no number."""
    try:
        values = sorted({float(part) for part in text.replace(";", ",").split(",") if part.strip()})
    except ValueError:
        return []
    return values if all(map(math.isfinite, values)) else []


# --- finished maps ------------------------------------------------------------------------------


def offer(study_id: str) -> None:
    """The map of a study, where it is one."""
    study, found = readings.read_study(study_id)
    if not is_map(study.settings) or not found:
        return
    task = services().store.record(found[0].run.id).data.task
    mapped = read_map(study.settings, by_arm(found), _metric(study.settings, task))
    if mapped is None or mapped.best is None:
        return
    st.subheader(say("map.title"))
    _sentences(mapped)
    st.plotly_chart(
        map_figure(mapped, say, is_dark(), distil_time.title),
        width="stretch",
        theme=None,
        key="map",
        alt=say("map.alt", x=mapped.x, y=mapped.y),
    )
    st.caption(say("map.caption"))
    results_stamp.show_studies((study_id,))


def _sentences(mapped: Map) -> None:
    assert mapped.best is not None  # asked before
    metric = say(f"metric.{mapped.metric}.title")
    best = mapped.at(*mapped.best)
    value = best[2] if best else math.nan
    st.markdown(
        say("map.best", x=mapped.x, a=mapped.best[0], y=mapped.y, b=mapped.best[1],
            metric=metric, value=value)
    )  # fmt: skip
    if mapped.alone is not None:
        name, alone = mapped.alone
        trials, points = mapped.trials
        st.markdown(say("map.alone", name=name, value=alone, trials=trials, points=points))
    if math.isnan(mapped.noise):
        st.caption(say("map.one_seed"))
    else:
        n = len(mapped.near)
        st.caption(say("map.noise", sd=mapped.sd, noise=mapped.noise, seeds=mapped.seeds, n=n))


def answer(form: Form, place: int) -> None:
    """What a finished map says of the numbers that are set now, if one fits in all the rest."""
    try:
        study = presets.tied(StudySettings.from_json(form.document))
    except KDLabError:  # said where the study is started
        return
    now = distil_time.movable(form.document["arms"][place]["distil"])
    version = frame_version(services().store)
    for study_id, name, made in _maps(version, study.data.data_hash):
        mapped = _map(version, study_id) if answers(made, study, place) else None
        found = mapped.at(now[mapped.x], now[mapped.y]) if mapped is not None else None
        if mapped is not None and found is not None:
            text = say(
                "map.answer",
                x=mapped.x, a=found[0], y=mapped.y, b=found[1], value=number(found[2], "score"),
                metric=say(f"metric.{mapped.metric}.title"), seeds=mapped.seeds, name=name,
            )  # fmt: skip
            st.caption(f":material/map: {text}")
            return


@st.cache_data(show_spinner=False, max_entries=50)
def _maps(version: Any, data_hash: str) -> list[tuple[str, str, StudySettings]]:
    """Finished maps of this store on the same images, newest first: id, name and settings."""
    return [
        (study.id, study.name, study.settings)
        for study in services().store.studies()
        if study.data_hash == data_hash and study.finished and is_map(study.settings)
    ]


@st.cache_data(show_spinner=False, max_entries=50)
def _map(version: Any, study_id: str) -> Map | None:
    settings = services().store.study(study_id).settings
    task = services().library.get(settings.data.dataset).task
    arms = by_arm(results(services().store, study_id))
    return read_map(settings, arms, _metric(settings, task))


def _metric(settings: StudySettings, task: str) -> str:
    chosen = settings.train.select_metric
    return TASKS[task].select_metric if chosen == "auto" else chosen
