"""Try it live: the reader's own α and T, the map's answer at once, and a student of their own."""

from __future__ import annotations

import streamlit as st

from app import address, class_picture, learn_material, learn_try_run, services_live
from app.class_room import class_open
from app.learn_view import picture_config
from app.texts import guarded, number, say, show_error
from app.theme import is_dark
from app.visitor import may
from kd_core.errors import KDLabError
from kd_core.figures.heat_map import map_figure
from kd_core.lessons.live import ALPHAS, SIZE, TEMPERATURES, student_params
from kd_core.lessons.made_map import LiveMap
from kd_core.lessons.material import MATERIALS, Material
from kd_core.study.grids import Map
from kd_core.study.rows import ACTIVE, RunRow

SIDES = (1.0, 1.5)
USUAL = {"alpha": 0.3, "T": 4.0}


def show(material: Material) -> None:
    """The whole part: what the map says, the reader's own run, its replay, the board."""
    if why := MATERIALS["map"].why_not(material):
        st.info(say("learn.unfit", why=why), icon=":material/science:")
        material = learn_material.material_of()
    params = _params(material, material.key)
    st.markdown(say("try.about", params=params, size=SIZE))
    runs = services_live.my_live_runs(material)
    going = next((run for run in runs if run.status in ACTIVE), None)
    choose(material, going is not None)
    if runs:
        learn_try_run.follow(material, runs[0].id)
        if len(runs) > 1:
            _earlier(runs)
    if class_open():
        class_picture.show("try")


@st.cache_data(show_spinner=False, max_entries=6)
def _params(_material: Material, key: str) -> int:
    return student_params(_material)


@st.fragment
@guarded
def choose(material: Material, busy: bool) -> None:
    """The sliders; a moved one draws only this anew."""
    left, right = st.columns(SIDES, gap="medium")
    with left:
        alpha, T = _slider("alpha", ALPHAS), _slider("T", TEMPERATURES)
        st.markdown(say("try.loss", alpha=alpha, rest=1 - alpha, T=T, square=T * T))
        found: LiveMap | None = material.made.get("map")
        mapped = None if found is None else found.map(metric_of(found))
        _answer(mapped, alpha, T)
        if found is not None:
            _teacher(material, found)
        start = st.button(
            say("try.start"),
            type="primary",
            icon=":material/play_arrow:",
            disabled=busy or not may("start"),
            help=say("try.start.help"),
            key="try-start",
        )
        if start:
            _start(material, alpha, T)
    if mapped is not None:
        with right:
            _map(mapped, alpha, T)


def metric_of(found: LiveMap) -> str:
    """Accuracy where there is one, since the class board compares it."""
    return "accuracy" if "accuracy" in found.values else found.metric


def _slider(name: str, values: tuple[float, ...]) -> float:
    return address.choice(
        st,
        say(f"try.{name}"),
        values,
        f"try.{name}",
        usual=USUAL[name],
        plain=lambda value: f"{value:g}",
        kind="select_slider",
        format_func=lambda value: number(value, "number"),
        help=say(f"try.{name}.help"),
    )


def _answer(mapped: Map | None, alpha: float, T: float) -> None:
    """What a run with these numbers reached before."""
    if mapped is None:
        st.info(say("try.no_map"), icon=":material/grid_off:")
        return
    point = mapped.at(alpha, T)
    assert point is not None  # the sliders have the map's own values
    st.metric(say("try.expected", metric=say(f"metric.{mapped.metric}.title")), _three(point[2]))
    alone = mapped.alone[1] if mapped.alone else point[2]
    st.markdown(say("try.noise", alone=alone, noise=mapped.noise))


def _teacher(material: Material, found: LiveMap) -> None:
    """What the teacher is worth on images as small as these, and in its own study."""
    metric, size = metric_of(found), material.data.size
    own = material.voice("teacher").result.scores.get(metric)
    if size != SIZE and own is not None and own.value is not None:
        here = found.teacher[metric]
        st.caption(say("try.teacher", here=here, study=own.value, size=size, name=material.name))


def _three(value: float) -> str:
    return number(value, "score")


def _map(mapped: Map, alpha: float, T: float) -> None:
    titles = {"alpha": say("try.alpha"), "kd.T": say("try.T")}
    made = map_figure(mapped, say, is_dark(), titles.__getitem__)
    column, row = mapped.xs.index(alpha), mapped.ys.index(T)
    made.add_shape(
        type="rect",
        x0=column - 0.5,
        x1=column + 0.5,
        y0=row - 0.5,
        y1=row + 0.5,
        line={"color": "#D55E00", "width": 5},
    )
    best = mapped.at(*mapped.best) if mapped.best else None
    words = say(
        "try.map.words",
        value=mapped.mean[row][column],
        alpha=alpha,
        T=T,
        best=best[2] if best else mapped.mean[row][column],
        best_alpha=best[0] if best else alpha,
        best_T=best[1] if best else T,
    )
    st.plotly_chart(
        made,
        width="stretch",
        theme=None,
        key="try-map",
        config=picture_config("live", "map"),
        alt=words,
    )
    st.caption(say("try.map.caption"))


def _start(material: Material, alpha: float, T: float) -> None:
    try:
        services_live.start_live(material, alpha, T)
    except KDLabError as error:
        show_error(error)
        return
    st.rerun()


def _earlier(runs: list[RunRow]) -> None:
    """What the reader tried before, with the accuracy that each reached."""
    with st.expander(say("try.earlier", n=len(runs)), icon=":material/history:"):
        rows = [learn_try_run.row(run) for run in runs[:30]]
        st.dataframe(rows, hide_index=True, width="stretch")
